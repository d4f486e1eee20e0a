"""Prevalent new users: who begin a drug, new to treatment or from an older drug, with comparators alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, get_args

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.language import Language, said
from sundbench.cohort.populations.checking import one_named, seeded, whole
from sundbench.cohort.populations.population import from_to
from sundbench.cohort.populations.sets import Sets
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

ExposureSets = Literal["time", "dispensings"]


@dataclass(frozen=True)
class PrevalentNewUsers(Sets):
    """New users of a study drug, incident and prevalent, each with comparators of its exposure set.

    Attributes:
        drug: the study drug.
        comparator: the older drug, that one may come from.
        washout_days: how long before the first day of either drug must be free of both.
        sets: whether histories are equally long in days or in dispensings.
        within_days: how much the days since the first may differ, in sets by time.
        calendar_days: how far apart the index days may lie; None for any.
        ratio: how many comparators are drawn for a user of the study drug; None for all of the set.
        seed: by which they are drawn.
    """

    drug: tuple[str, Event]
    comparator: tuple[str, Event]
    washout_days: int
    sets: ExposureSets
    within_days: int | None
    calendar_days: int | None
    ratio: int | None
    seed: int

    columns: ClassVar[tuple[str, ...]] = (*Sets.columns, "prior_days", "prior_dispensings")
    found: ClassVar[str] = "comparator"

    @property
    def arms(self) -> tuple[str, ...]:
        """The comparator, then the study drug."""
        return self.comparator[0], self.drug[0]

    @property
    def most(self) -> int | None:
        """How many comparators are drawn."""
        return self.ratio

    @property
    def drawing(self) -> int:
        """The seed."""
        return self.seed

    @property
    def events(self) -> tuple[Event, ...]:
        """Both drugs."""
        return self.comparator[1], self.drug[1]

    @property
    def treatments(self) -> tuple[tuple[str, Event], ...]:
        """Both drugs."""
        return self.comparator, self.drug

    @property
    def crossings(self) -> tuple[Event | None, ...]:
        """Users of the comparator begin the study drug; the other way there is no crossing."""
        return self.drug[1], None

    @property
    def either(self) -> Event:
        """Either drug."""
        return either_of(self.events)

    def last_step(self, language: Language = "en") -> str:
        """Comparators join."""
        return said(
            language,
            "with the comparators of their exposure sets (who may be in several)",
            "med brugerne i deres eksponeringssæt (som kan være i flere)",
        )

    def places(self) -> Iterator[tuple[str, Event]]:
        """Both drugs."""
        yield f"population, comparator {self.comparator[0]!r}", self.comparator[1]
        yield f"population, drug {self.drug[0]!r}", self.drug[1]

    def look_backs(self) -> Iterator[tuple[str, Event, Window]]:
        """The washout."""
        yield "population, washout", self.either, Window(-self.washout_days, -1)

    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The flow chart's steps."""
        return (
            said(language, "any of the drugs", "et af lægemidlerne"),
            from_to(entry, language),
            said(
                language,
                f"nothing of either in the {self.washout_days} days before",
                f"ingen af dem i de {self.washout_days} dage forinden",
            ),
            said(language, "one drug alone on the first day", "kun ét af lægemidlerne den første dag"),
            said(
                language,
                f"begin {self.drug[0]}, on that day or later",
                f"begynder på {self.drug[0]}, den dag eller senere",
            ),
        )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        (new, new_event), (old, old_event) = self.drug, self.comparator
        drugs = f"{new}: {new_event.in_words(language)}; {old}: {old_event.in_words(language)}"
        if self.sets == "time":
            alike = said(
                language,
                f"as many days after their first, give or take {self.within_days}",
                f"lige så mange dage efter deres første, plus eller minus {self.within_days}",
            )
        else:
            alike = said(
                language, f"after as many dispensings of {old}", f"efter lige så mange indløsninger af {old}"
            )
        if self.calendar_days is not None:
            alike += said(
                language,
                f", at most {self.calendar_days} days apart in the calendar",
                f", højst {self.calendar_days} dage fra hinanden i kalenderen",
            )
        many = said(language, "all users", "alle brugere")
        if self.ratio is not None:
            many = said(
                language,
                f"up to {self.ratio} users, drawn at random (seed {self.seed}),",
                f"op til {self.ratio} brugere, trukket tilfældigt (seed {self.seed}),",
            )
        return said(
            language,
            f"new users of {new}, incident and prevalent ({drugs}), from a base cohort with nothing of either"
            f" from day -{self.washout_days} to day -1 of their first; each with {many} of {old} {alike}",
            f"nye brugere af {new}, incidente og prævalente ({drugs}), fra en basiskohorte uden nogen af dem"
            f" fra dag -{self.washout_days} til dag -1 før deres første; hver med {many} af {old} {alike}",
        )


def prevalent_new_users(
    drug: Mapping[str, Event],
    comparator: Mapping[str, Event],
    washout_days: int,
    *,
    sets: ExposureSets,
    within_days: int | None = None,
    calendar_days: int | None = None,
    ratio: int | None = None,
    seed: int = 0,
) -> PrevalentNewUsers:
    """New users of a study drug, incident and prevalent, each with comparators of its exposure set.

    The design of Suissa, Moodie and Dell'Aniello (Pharmacoepidemiol Drug Saf 2017;26:459-468), for a drug
    that many begin after, or on top of, an older one. The base cohort is everyone's first day in the entry
    period with either drug, after ``washout_days`` free of both; who gets both on that day is left out. Of
    its persons, those who begin the study drug then or later are the cases, on the day that they begin. The
    exposure set of each are the persons of the base cohort who get the comparator, haven't begun the study
    drug, and are at the same point of their history: their index day is that dispensing's. New users without
    history are compared with the comparator's first dispensings.

    ``prior_days`` (from the first day in the base cohort to the index day) and ``prior_dispensings`` (days
    with the comparator before the index day) are columns. The time-conditional propensity score is estimated
    over the cohort, by ``set``. ``follow_up(crossover=True)`` ends the comparators' follow-up when they begin
    the study drug, and leaves that of those who have begun it.

    Args:
        drug: the study drug's name and event.
        comparator: the older drug's.
        washout_days: how long before the first day must be free of both drugs.
        sets: ``"time"``: as many days after their first, give or take ``within_days``; the nearest of a
            person's dispensings, the earlier of two as near. ``"dispensings"``: after as many days with the
            comparator.
        within_days: for sets by time.
        calendar_days: how far from the case's index day a comparator's may lie; any day if nothing is said.
        ratio: how many comparators are drawn from each set; all of it if nothing is said.
        seed: the draws' seed.

    Raises:
        StudyError: what is given makes no sense.
    """
    where = "prevalent_new_users()"
    new, old = one_named(where, "drug", drug), one_named(where, "comparator", comparator)
    if new[1] == old[1] or new[0] == old[0]:
        raise StudyError(f"{where}: drug and comparator are the same: nothing would be compared")
    whole(where, "washout_days", washout_days, 1)
    if sets not in get_args(ExposureSets):
        raise StudyError(f"{where}: sets={sets!r}: choose among {', '.join(get_args(ExposureSets))}")
    if sets == "time" and within_days is None:
        raise StudyError(f"{where}: sets='time': say within_days, how much the days may differ")
    if sets != "time" and within_days is not None:
        raise StudyError(f"{where}: within_days is for sets='time': leave it out")
    for name, value in (("within_days", within_days), ("calendar_days", calendar_days)):
        if value is not None:
            whole(where, name, value, 0)
    if ratio is not None:
        whole(where, "ratio", ratio, 1)
    return PrevalentNewUsers(
        new, old, washout_days, sets, within_days, calendar_days, ratio, seeded(where, seed)
    )
