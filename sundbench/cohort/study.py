"""A study: who, when, what is known of them at index, what happens after.

A study is a value: checked when built, printed as a protocol, hashed into manifests. ``collect`` runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from sundbench.cohort import canonical
from sundbench.cohort.events.event import Event
from sundbench.cohort.features.attributes import Resident
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Feature, Reduction
from sundbench.cohort.following.checking import check_arms, check_exposures, outcomes_of
from sundbench.cohort.following.exposures import Exposure
from sundbench.cohort.following.follow_up import FollowUp
from sundbench.cohort.following.outcomes import Outcome
from sundbench.cohort.language import Language
from sundbench.cohort.populations.population import Population
from sundbench.cohort.spans import AnyWindow, Span
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError
from sundbench.progress import Report, silent

if TYPE_CHECKING:
    from distributed import Client

    from sundbench.cohort.database import Database
    from sundbench.cohort.explaining import Explanation
    from sundbench.cohort.result import Cohort

RESERVED = ("person", "drug", "index", "start", "end", "end_reason")
"""Columns that every cohort has; no covariate, measure or outcome may take their names."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Study:
    """A study protocol.

    Attributes:
        population: who may enter, and on which day: ``new_users``, ``prevalent_new_users``, ``onset``,
            ``residents``, ``matched``, ``siblings``, ``parents``, ``children``.
        entry: first and last calendar day on which one may enter, both in it; dates or ISO text. It can be
            left out where the population says the day itself.
        require: what must be true of a person at index, in the order of the flow chart.
        covariates: what is known at index; nothing after the index day.
        outcomes: events whose first occurrence during follow-up is sought: columns ``<name>_time`` (days
            from index to the event or the end of follow-up) and ``<name>_event``; or ``sb.outcome(...)``.
        follow_up: how long persons are followed.
        measures: features that may look at the time after index (resource use, response); never adjust for
            them.
        exposures: medicines by which persons are exposed at some times of their follow-up and at others not:
            long tables in ``cohort.exposures``, and bands in ``cohort.split``.
        allow_truncated_lookback: whether a washout or look-back may start before its register does.

    Raises:
        StudyError: names the place in the protocol.
    """

    population: Population
    entry: tuple[date | str, date | str] | None = None
    require: Mapping[str, Feature] = field(default_factory=dict)
    covariates: Mapping[str, Feature] = field(default_factory=dict)
    outcomes: Mapping[str, Event | Outcome] = field(default_factory=dict)
    follow_up: FollowUp | None = None
    measures: Mapping[str, Feature] = field(default_factory=dict)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    allow_truncated_lookback: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.population, Population):
            raise StudyError(
                f"study, population: {self.population!r} is no population: write sb.new_users(...) or "
                "the like"
            )
        object.__setattr__(self, "entry", _entry(self.entry, self.population))
        for place, feature in self.population.features():
            self._check_windows(f"study, {place}", feature)
        for part in ("require", "covariates", "measures"):
            features = dict(getattr(self, part))
            object.__setattr__(self, part, features)
            for name, feature in features.items():
                self._check_feature(part, name, feature)
        object.__setattr__(self, "outcomes", outcomes_of(self.outcomes))
        object.__setattr__(self, "exposures", check_exposures(self.exposures, self.follow_up))
        check_arms(self.follow_up, self.population)
        if self.outcomes and self.follow_up is None:
            raise StudyError(
                "study: outcomes without follow_up: add follow_up=sb.follow_up(until=[sb.death()])"
            )
        self._check_columns()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Study) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def first_day(self) -> date:
        """The first day on which one may enter."""
        return self.entry[0]  # type: ignore[index,return-value]

    @property
    def last_day(self) -> date:
        """The last day on which one may enter."""
        return self.entry[1]  # type: ignore[index,return-value]

    @property
    def digest(self) -> str:
        """SHA-256 of the protocol: equal protocols have equal digests."""
        return canonical.digest(self)

    @property
    def endpoints(self) -> Mapping[str, Outcome]:
        """The outcomes by name, each with what competes with it."""
        return self.outcomes  # type: ignore[return-value]

    def features(self) -> Iterator[tuple[str, Feature]]:
        """All features with their places in the protocol."""
        yield from self.population.features()
        for part in ("require", "covariates", "measures"):
            for name, feature in getattr(self, part).items():
                yield f"{part}[{name!r}]", feature
        if self.follow_up is not None and self.follow_up.start is not None:
            yield "follow_up, start", self.follow_up.start

    def protocol(self, language: Language = "en") -> str:
        """The protocol in words; in notebooks ``study`` alone shows it as a page in both languages.

        Args:
            language: ``"en"`` or ``"da"``.

        Raises:
            StudyError: another language.
        """
        from sundbench.cohort.protocol import text

        return text(self, language)

    def _repr_html_(self) -> str:
        from sundbench.cohort.protocol import page

        return page(self)

    def check(self, db: Database) -> None:
        """Refuse, before anything is read, what the extract can't give.

        Raises:
            StudyError: a register, column or span of time that the extract lacks; names the place.
            StoreError: a bucket file is missing.
        """
        self.explain(db)

    def explain(self, db: Database) -> Explanation:
        """What would be read: registers, columns, buckets, with estimates of rows and memory.

        Printed for consoles, a table in notebooks. The columns are those that are really read; nothing has
        been read yet but the files' footers.

        Raises:
            StudyError: a register, column or span of time that the extract lacks; names the place.
            StoreError: a bucket file is missing.
        """
        from sundbench.cohort.explaining import explain

        return explain(self, db)

    def collect(
        self,
        db: Database,
        *,
        client: Client | None = None,
        workers: int | None = None,
        allow_empty: bool = False,
        report: Report = silent,
    ) -> Cohort:
        """Run the study over an extract, one task per bucket.

        Args:
            db: the extract.
            client: a ``distributed.Client``; else the active one if there is one, else Dask's threads.
            workers: number of threads where no client is used; all processors if nothing is said.
            allow_empty: give a cohort of nobody rather than an error.
            report: told of progress.

        Returns:
            One row per person, in the buckets' order: the same to the last bit whatever the workers.

        Raises:
            StudyError: the extract can't give what the protocol asks for, or nobody is left.
            StoreError: a bucket file is missing or damaged.
        """
        from sundbench.cohort.engine import collect

        return collect(self, db, client=client, workers=workers, allow_empty=allow_empty, report=report)

    def _check_feature(self, part: str, name: str, feature: object) -> None:
        place = f"study, {part}[{name!r}]"
        if not isinstance(feature, Feature):
            raise StudyError(
                f"{place}: {feature!r} is no feature: an event needs a window and a reduction, as .any()"
            )
        if part == "require" and feature.kind != "bool":
            raise StudyError(f"{place}: is no yes or no: compare it, as in sb.age() >= 18")
        self._check_windows(place, feature, measure=part == "measures")

    def _check_windows(self, place: str, feature: Feature, *, measure: bool = False) -> None:
        first, last = self.first_day.toordinal(), self.last_day.toordinal()
        for leaf in leaves(feature):
            looked = look_back(leaf)
            if looked is None:
                continue
            window = looked[1]
            if isinstance(window, Span) and window.is_empty(first) and window.is_empty(last):
                raise StudyError(
                    f"{place}: {leaf.in_words()}: the window ends before it begins, for everybody"
                )
            # For the first who may enter a calendar day lies after index, if it does for anybody.
            if not measure and window.bounds(first)[1] > first:
                raise StudyError(
                    f"{place}: {leaf.in_words()}: looks past the index day (immortal time): "
                    f"put it under measures= if it isn't adjusted for{_hint(window)}"
                )

    def _check_columns(self) -> None:
        columns = [*self.covariates, *self.measures]
        for part, names in (
            ("covariates", self.covariates),
            ("measures", self.measures),
            ("outcomes", self.outcomes),
            ("exposures", self.exposures),
        ):
            for name in names:
                if not isinstance(name, str) or not _NAME.fullmatch(name):
                    raise StudyError(
                        f"study, {part}[{name!r}]: it becomes a column's name: use letters, digits and _"
                    )
        for name, outcome in self.endpoints.items():
            columns += [f"{name}_{suffix}" for suffix in (*outcome.columns, "entry")]
        for name in columns:
            if name in RESERVED or name in self.population.columns:
                raise StudyError(f"study: {name!r} is a column that every cohort has: choose another name")
            if columns.count(name) > 1:
                raise StudyError(f"study: two columns would be named {name!r}: rename one")


def leaves(feature: Feature) -> Iterator[Feature]:
    """The features without parts that a feature is computed from, those that its windows hang on first."""
    for anchor in feature.anchors:
        yield from leaves(anchor)
    if not feature.parts:
        yield feature
    for part in feature.parts:
        yield from leaves(part)


def look_back(feature: Feature) -> tuple[Event | None, AnyWindow] | None:
    """The event (None for residence) and the window of a feature without parts; None where it has none."""
    if isinstance(feature, Reduction):
        return feature.occurrences.event, feature.occurrences.window
    if isinstance(feature, Resident):
        return None, Window(-feature.days, 0)
    if isinstance(feature, Composite):
        return feature.event, feature.window
    return None


def _hint(window: AnyWindow) -> str:
    if not isinstance(window, Span):
        return ""
    return ", or end it at the index day, as in between(date, 0)"


def _entry(entry: object, population: Population) -> tuple[date, date]:
    place, own = "study, entry", population.index_day
    if entry is None and own is not None:
        return own, own
    if not isinstance(entry, tuple | list) or len(entry) != 2:
        raise StudyError(
            f"{place}: {entry!r}: give the first and the last day, as ('2012-01-01', '2022-12-31')"
        )
    days = []
    for day in entry:
        try:
            days.append(day if isinstance(day, date) else date.fromisoformat(day))
        except (TypeError, ValueError):
            raise StudyError(f"{place}: {day!r} is no day: write it as '2012-01-31'") from None
    if days[1] < days[0]:
        raise StudyError(f"{place}: it ends on {days[1]}, before it begins on {days[0]}")
    if own is not None and not days[0] <= own <= days[1]:
        raise StudyError(f"{place}: {own}, the population's day, lies outside: leave entry out")
    return days[0], days[1]
