"""The one table of boundaries that code, docs and tests share: ``boundaries.toml``.

``python -m sundbench.cohort.boundaries docs/cohorts.md`` writes it into the guide.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path

from sundbench.cohort.described import STYLE
from sundbench.cohort.language import Language, said
from sundbench.errors import StudyError

BEGIN, END = "<!-- boundaries: from sundbench/cohort/boundaries.toml -->", "<!-- end of boundaries -->"
"""Between these lines a page shows the table."""


@dataclass(frozen=True)
class Boundary:
    """One row: the days that belong to what a protocol says.

    Attributes:
        written: what a protocol says, in English and Danish.
        days: the days that belong to it, in English and Danish.
        note: what there is to be said of it, in English and Danish.
        inside: days from the index day that belong to it.
        outside: days that don't.
        probe: the test that finds out.
        tried: the expression that the test ``feature`` tries.
    """

    written: tuple[str, str]
    days: tuple[str, str]
    note: tuple[str, str]
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    probe: str
    tried: str

    def cells(self, language: Language) -> tuple[str, str, str]:
        """What is written, the days, the note."""
        return said(language, *self.written), said(language, *self.days), said(language, *self.note)


@cache
def rows() -> tuple[Boundary, ...]:
    """The table's rows, in its order."""
    file = files("sundbench.cohort").joinpath("boundaries.toml")
    return tuple(_row(**row) for row in tomllib.loads(file.read_text(encoding="utf-8"))["boundary"])


def _row(
    *,
    written: str,
    days: str,
    inside: list[int],
    outside: list[int],
    written_da: str | None = None,
    days_da: str | None = None,
    en: str = "",
    da: str = "",
    probe: str = "feature",
    **rest: str,
) -> Boundary:
    tried = rest.pop("try", f"event.{written}.any()")
    if rest or bool(en) != bool(da) or not inside:
        raise ValueError(f"boundaries.toml: {written}: unknown keys, no day inside, or one language alone")
    return Boundary(
        (written, written_da or written),
        (days, days_da or days),
        (en, da),
        tuple(inside),
        tuple(outside),
        probe,
        tried,
    )


def markdown(language: Language = "en") -> str:
    """The table as a page of the guide shows it."""
    head = said(language, "| written | days | |", "| skrevet | dage | |")
    lines = [head, "|---|---|---|"]
    for row in rows():
        written, days, note = row.cells(language)
        code = f"`{written}`" if any(sign in written for sign in "(=") else written
        lines.append(f"| {code} | {days} | {note} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Boundaries:
    """The table of boundaries, for people: printed, and as a table in notebooks."""

    language: Language = "en"

    def __str__(self) -> str:
        cells = [row.cells(self.language) for row in rows()]
        widths = [max(len(row[n]) for row in cells) for n in range(2)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in cells)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td><code>{escape(a)}</code></td><td>{escape(b)}</td><td>{escape(c)}</td></tr>"
            for a, b, c in (row.cells(self.language) for row in rows())
        )
        return f'{STYLE}<div class="sundbench-help"><table><tbody>{body}</tbody></table></div>'


def boundaries(language: Language = "en") -> Boundaries:
    """Which days belong to what a protocol says; the index day is day 0.

    Raises:
        StudyError: another language than ``en`` and ``da``.
    """
    said(language, "", "")
    return Boundaries(language)


def written_into(page: str) -> str:
    """A page with the table between its two lines.

    Raises:
        StudyError: the page hasn't got the lines.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise StudyError(f"no lines {BEGIN!r} and {END!r} in the page: write the table between them")
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(written_into(path.read_text(encoding="utf-8")), encoding="utf-8")
