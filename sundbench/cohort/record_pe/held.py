"""The registers that a study reads, as an extract holds them: titles and coverage, nothing of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sundbench.cohort.database import Database
from sundbench.cohort.language import Language, day, said
from sundbench.cohort.study import Study
from sundbench.registers.catalogue import catalogue


@dataclass(frozen=True)
class Held:
    """One register.

    Attributes:
        register: its name.
        title: in English and Danish.
        since, until: the days that the extract covers; None where that isn't known.
    """

    register: str
    title: tuple[str, str]
    since: date | None
    until: date | None

    def titled(self, language: Language) -> str:
        """Its title and name."""
        return f"{said(language, *self.title)} ({self.register})"

    def covers(self, language: Language) -> str:
        """Its name and the days that are covered."""
        return f"{self.register} {self.period(language)}".rstrip()

    def period(self, language: Language) -> str:
        """The days that are covered; empty where that isn't known."""
        if self.since is None or self.until is None:
            return ""
        first, last = day(language, self.since), day(language, self.until)
        return said(language, f"{first} to {last}", f"{first} til {last}")


def held(study: Study, db: Database) -> tuple[Held, ...]:
    """The registers that a study reads of an extract, in alphabetical order.

    Raises:
        StudyError: the extract can't give what the protocol asks for.
    """
    found = []
    for read in sorted(study.explain(db).reads, key=lambda one: one.register):
        entry = catalogue().resolve(read.register)
        title = (read.register, read.register) if entry is None else (entry.title.en, entry.title.da)
        covered = db.manifest["registers"][read.register].get("coverage") or {}
        found.append(Held(read.register, title, _day(covered.get("since")), _day(covered.get("until"))))
    return tuple(found)


def _day(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None
