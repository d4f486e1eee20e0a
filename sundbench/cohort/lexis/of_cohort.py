"""A cohort's follow-up split into pieces: ``Cohort.split``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from sundbench.cohort.following.exposures import TAKEN
from sundbench.cohort.lexis.bands import Bands, age_bands, calendar_bands, entry_bands
from sundbench.cohort.lexis.cutting import Spans, split
from sundbench.cohort.lexis.scales import UNKNOWN, Age, Calendar, Ints, Recurrences, Scale, SinceEntry, States
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.following.outcomes import Outcome
    from sundbench.cohort.result import Cohort

WHERE = "split()"


@dataclass(frozen=True, eq=False)
class Pieces:
    """Follow-up in pieces.

    Attributes:
        table: one row a piece, in the cohort's order and by time: ``row`` (int32, the place in the cohort's
            table), ``person``, ``drug``, what was kept of the cohort, ``start_day`` (int32, the day before
            its first, from index) and ``stop_day`` (its last), ``age_band``, ``calendar_band``,
            ``since_entry_band`` and each exposure by name (dictionaries, in order), ``event`` (bool) and,
            with competing events, ``cause`` (int8).
    """

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table in pandas: bands and exposures as categories."""
        frame: pd.DataFrame = self.table.to_pandas(date_as_object=False)
        return frame


def split_cohort(
    cohort: Cohort,
    outcome: str | None,
    *,
    age: Iterable[int] | None,
    calendar: Iterable[int | date | str] | None,
    since_entry: Iterable[int] | None,
    exposures: Iterable[str],
    keep: Iterable[str],
) -> Pieces:
    """See ``Cohort.split``."""
    study, table = cohort.study, cohort.table
    if study.follow_up is None:
        raise StudyError(f"{WHERE}: the study has no follow_up: there is nothing to split")
    index = days_of(table["index"])
    spans = _spans(cohort, outcome, index)
    names, scales, labels = _scales(cohort, index, age=age, calendar=calendar, since_entry=since_entry)
    for name in _listed(exposures, "exposures"):
        if name not in cohort.exposures:
            raise StudyError(
                f"{WHERE}: exposures: {name!r}: the study has {_those(cohort.exposures) or 'none'}: "
                "name it in Study(exposures={...})"
            )
        if name in names:
            raise StudyError(f"{WHERE}: exposures: {name!r} stands there twice")
        names.append(name)
        scale, of_states = _states(cohort.exposures[name])
        scales.append(scale)
        labels.append(of_states)
    again = _recurrences(cohort, outcome)
    cut = split(spans, [*scales, *([again] if again is not None else [])])

    kept = _kept(cohort, keep, names)
    row = pa.array(cut.row)
    columns: dict[str, pa.Array] = {"row": row}
    for name in ("person", "drug", *kept):
        if name == "drug" and name not in table.column_names:
            continue  # who isn't compared has none
        columns[name] = table[name].combine_chunks().take(row)
    columns |= {"start_day": pa.array(cut.start), "stop_day": pa.array(cut.stop)}
    for name, codes, of_bands in zip(names, cut.codes, labels, strict=False):
        places = pa.array(codes.astype(np.int32), mask=codes < 0)
        columns[name] = pa.DictionaryArray.from_arrays(places, pa.array(of_bands, pa.string()))
    if outcome is not None:
        columns |= _events(cohort, outcome, cut.row, cut.stop, again)
    return Pieces(pa.table(columns))


def days_of(column: pa.ChunkedArray) -> Ints:
    """Dates as days since 1 January 1970."""
    days: Ints = column.combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
    return days


def _spans(cohort: Cohort, outcome: str | None, index: Ints) -> Spans:
    table = cohort.table
    start = (
        days_of(table["start"]) - index if "start" in table.column_names else np.zeros(index.size, np.int64)
    )
    if outcome is None or _outcome(cohort, outcome).recurrent:
        if table["end"].null_count:
            raise StudyError(
                f"{WHERE}: follow-up has no end: the extract doesn't say when its registers end, "
                "and follow_up() has no max_days"
            )
        return Spans(start, days_of(table["end"]) - index)
    stop = table[f"{outcome}_time"].combine_chunks()
    if stop.null_count:
        raise StudyError(f"{WHERE}: {outcome!r}: follow-up has no end: give follow_up(max_days=...)")
    return Spans(start, stop.to_numpy(zero_copy_only=False).astype(np.int64))


def _outcome(cohort: Cohort, name: str) -> Outcome:
    if name not in cohort.study.endpoints:
        known = _those(cohort.study.endpoints) or "none"
        raise StudyError(f"{WHERE}: {name!r} is no outcome of the study: it has {known}")
    return cohort.study.endpoints[name]


def _scales(
    cohort: Cohort,
    index: Ints,
    *,
    age: Iterable[int] | None,
    calendar: Iterable[int | date | str] | None,
    since_entry: Iterable[int] | None,
) -> tuple[list[str], list[Scale], list[Sequence[str]]]:
    names: list[str] = []
    scales: list[Scale] = []
    labels: list[Sequence[str]] = []

    def add(name: str, scale: Scale, bands: Bands) -> None:
        names.append(name)
        scales.append(scale)
        labels.append(bands.labels)

    if age is not None:
        bands = age_bands(age)
        if cohort.born is None:
            raise StudyError(
                f"{WHERE}: age: the study asks for nobody's age, so that births aren't known: "
                "put sb.age() among its covariates or requirements"
            )
        born = cohort.born.cast(pa.int32()).fill_null(UNKNOWN).to_numpy().astype(np.int64)
        add("age_band", Age(bands, index, born), bands)
    if since_entry is not None:
        bands = entry_bands(since_entry)
        add("since_entry_band", SinceEntry(bands), bands)
    if calendar is not None:
        bands = calendar_bands(calendar)
        add("calendar_band", Calendar(bands, index), bands)
    return names, scales, labels


def _states(intervals: pa.Table) -> tuple[States, list[str]]:
    state = intervals["state"].combine_chunks()
    row, start = (intervals[name].to_numpy().astype(np.int64) for name in ("row", "start_day"))
    return States(row, start, state.indices.to_numpy().astype(np.int64)), state.dictionary.to_pylist()


def _recurrences(cohort: Cohort, outcome: str | None) -> Recurrences | None:
    if outcome is None or not _outcome(cohort, outcome).recurrent:
        return None
    days = cohort.recurrences[outcome]
    return Recurrences(*(days[name].to_numpy().astype(np.int64) for name in ("row", "day")))


def _events(
    cohort: Cohort, name: str, row: np.ndarray, stop: np.ndarray, again: Recurrences | None
) -> dict[str, pa.Array]:
    """Whether a piece ends with the event: on its last day."""
    if again is not None:
        return {"event": pa.array(again.happens(row.astype(np.int64), stop.astype(np.int64)))}
    table = cohort.table
    last = stop == table[f"{name}_time"].to_numpy()[row]
    found = {"event": pa.array(last & table[f"{name}_event"].to_numpy()[row])}
    if _outcome(cohort, name).competing:
        cause = table[f"{name}_cause"].to_numpy()[row]
        found["cause"] = pa.array(np.where(last, cause, 0).astype(np.int8))
    return found


def _kept(cohort: Cohort, keep: Iterable[str], names: Sequence[str]) -> list[str]:
    listed = _listed(keep, "keep")
    for place, name in enumerate(listed):
        if name not in cohort.table.column_names:
            raise StudyError(f"{WHERE}: keep: {name!r} is no column of the cohort")
        if name in (*TAKEN, *names, *listed[:place]):
            raise StudyError(f"{WHERE}: keep: {name!r} is a column of the pieces already")
    return listed


def _listed(names: Iterable[str], what: str) -> list[str]:
    if isinstance(names, str):
        raise StudyError(f"{WHERE}: {what}={names!r}: give a list, as {what}=[{names!r}]")
    return list(names)


def _those(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
