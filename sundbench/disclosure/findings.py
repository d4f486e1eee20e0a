"""What the disclosure check finds: one line each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        output: the output or file.
        where: row, cell or column; empty for all of it.
        rule: which rule it breaks, in words.
        remedy: what to do.
        blocks: whether it stops a release; otherwise it is for the reviewers to judge.
    """

    output: str
    where: str
    rule: str
    remedy: str
    blocks: bool = True

    @property
    def line(self) -> str:
        """The finding in one line."""
        place = f"{self.output}: {self.where}" if self.where else self.output
        mark = "" if self.blocks else "for the reviewers: "
        return f"{mark}{place}: {self.rule}; {self.remedy}"
