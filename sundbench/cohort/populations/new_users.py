"""New users of one drug or of several that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.language import Language, said
from sundbench.cohort.populations.population import FLOW_CHART, Population, from_to
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

SameDay = Literal["drop", "first listed"]


@dataclass(frozen=True)
class NewUsers(Population):
    """New users of one drug or several compared ones.

    The index day is the first day within the study's entry period on which a person gets one of the drugs and
    has had nothing of the washout in [index - washout_days, index - 1].

    Attributes:
        drugs: name and event of each drug, in the order of listing.
        washout: what a new user hasn't had.
        washout_days: for how long.
        same_day: what becomes of a person whose first day brings several of the drugs.
    """

    drugs: tuple[tuple[str, Event], ...]
    washout: Event
    washout_days: int
    same_day: SameDay

    @property
    def arms(self) -> tuple[str, ...]:
        """The drugs' names, in the order of listing."""
        return tuple(name for name, _ in self.drugs)

    @property
    def events(self) -> tuple[Event, ...]:
        """The drugs' events."""
        return tuple(event for _, event in self.drugs)

    @property
    def treatments(self) -> tuple[tuple[str, Event], ...]:
        """The drugs."""
        return self.drugs

    @property
    def crossings(self) -> tuple[Event | None, ...]:
        """The other drugs."""
        others = ([event for name, event in self.drugs if name != arm] for arm in self.arms)
        return tuple(either_of(events) if events else None for events in others)

    @property
    def drops_same_day(self) -> bool:
        """Whether a day that brings several of the drugs makes nobody enter."""
        return self.same_day == "drop" and len(self.drugs) > 1

    def places(self) -> Iterator[tuple[str, Event]]:
        """The drugs and the washout."""
        yield from ((f"population, drug {name!r}", event) for name, event in self.drugs)
        yield "population, washout", self.washout

    def look_backs(self) -> Iterator[tuple[str, Event, Window]]:
        """The washout."""
        yield "population, washout", self.washout, Window(-self.washout_days, -1)

    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The flow chart's steps."""
        names = [
            said(language, "any of the drugs", "et af lægemidlerne")
            if len(self.drugs) > 1
            else said(language, "the drug", "lægemidlet"),
            from_to(entry, language),
            said(
                language,
                f"nothing of the washout in the {self.washout_days} days before",
                f"intet af udvaskningen i de {self.washout_days} dage forinden",
            ),
        ]
        if self.drops_same_day:
            names.append(
                said(language, "one drug alone on the index day", "kun ét af lægemidlerne på indeksdatoen")
            )
        return tuple(names)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        drugs = "; ".join(f"{name}: {event.in_words(language)}" for name, event in self.drugs)
        washed = self.washout.in_words(language)
        if self.washout == either_of(self.events):
            washed = said(language, "any of the drugs", "nogen af lægemidlerne")
        same = (
            ("who start several on one day are left out", "den, der begynder på flere samme dag, udgår")
            if self.same_day == "drop"
            else (
                "who start several on one day count with the first listed",
                "den, der begynder på flere samme dag, regnes til det først nævnte",
            )
        )
        span = f"day -{self.washout_days} to day -1", f"dag -{self.washout_days} til dag -1"
        return said(
            language,
            f"new users ({drugs}) free of {washed} from {span[0]}; {same[0]}",
            f"nye brugere ({drugs}) uden {washed} fra {span[1]}; {same[1]}",
        )


def new_users(
    drugs: Mapping[str, Event],
    washout_days: int,
    *,
    same_day: SameDay = "drop",
    of: Event | Iterable[Event] | None = None,
) -> NewUsers:
    """New users of one drug or several compared ones.

    Args:
        drugs: each drug's name and what counts as getting it. The first listed is the reference of models
            that take the listed order.
        washout_days: the days before the index day that must be free: [index - washout_days, index - 1].
        same_day: ``"drop"`` leaves out a person whose index day brings several of the drugs, counted in the
            attrition; ``"first listed"`` lets the first listed of them count.
        of: what the washout must be free of; all of the compared drugs if nothing is said.

    Raises:
        StudyError: no drugs, two that are the same, or a washout that isn't positive.
    """
    where = "new_users()"
    if not drugs:
        raise StudyError(f"{where}: no drugs: give at least one, as {{'name': sb.dispensing('...')}}")
    for name, event in drugs.items():
        if not isinstance(name, str) or not name.strip():
            raise StudyError(f"{where}: {name!r} is no name for a drug")
        if name in FLOW_CHART:
            raise StudyError(f"{where}: {name!r} is a column of the flow chart: give the drug another name")
        if not isinstance(event, Event):
            raise StudyError(
                f"{where} drug {name!r}: {event!r} is no event: write sb.dispensing(...) or the like"
            )
    names = list(drugs)
    for i, name in enumerate(names):
        for other in names[:i]:
            if drugs[name] == drugs[other]:
                raise StudyError(
                    f"{where}: {other!r} and {name!r} are the same event: nothing would be compared"
                )
    if isinstance(washout_days, bool) or not isinstance(washout_days, int) or washout_days < 1:
        raise StudyError(f"{where}: washout_days={washout_days!r}: give a whole number, 1 or more")
    if same_day not in get_args(SameDay):
        raise StudyError(f"{where}: same_day={same_day!r}: choose among {', '.join(get_args(SameDay))}")
    washed = drugs.values() if of is None else (of,) if isinstance(of, Event) else tuple(of)
    if not all(isinstance(event, Event) for event in washed):
        raise StudyError(f"{where}: of={of!r}: give an event or several")
    return NewUsers(tuple(drugs.items()), either_of(washed), washout_days, same_day)
