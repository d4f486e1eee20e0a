"""The items of the checklist: numbers, what each asks, and what its answer needs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from sundbench.cohort.language import Language, said

SOURCE = "Langan SM et al., BMJ 2018;363:k3532, doi 10.1136/bmj.k3532"

Need = Literal["author", "outputs"]


@dataclass(frozen=True)
class Item:
    """One item.

    Attributes:
        number: as the checklist writes it: 12a, 12.1 or 12.1.a.
        section: of the paper, in English and Danish.
        wording: what it asks, in English and Danish.
        needs: what its answer needs besides the protocol: what only the author knows, or results.
    """

    number: str
    section: tuple[str, str]
    wording: tuple[str, str]
    needs: tuple[Need, ...]

    @property
    def statement(self) -> str:
        """Which of the three statements it is of: STROBE (12a), RECORD (12.1), RECORD-PE (12.1.a)."""
        if re.fullmatch(r"\d+[a-e]?", self.number):
            return "STROBE"
        return "RECORD" if re.fullmatch(r"\d+\.\d+", self.number) else "RECORD-PE"

    def asks(self, language: Language) -> str:
        """What it asks."""
        return said(language, *self.wording)

    def of_section(self, language: Language) -> str:
        """The section it stands in."""
        return said(language, *self.section)


@cache
def items() -> Mapping[str, Item]:
    """All items by number, in the checklist's order."""
    file = files("sundbench.cohort.record_pe").joinpath("items.toml")
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        item["number"]: Item(
            number=item["number"],
            section=(section["en"], section["da"]),
            wording=(item["en"], item["da"]),
            needs=tuple(item.get("needs", ())),
        )
        for section in found["section"]
        for item in section["items"]
    }
