"""Cases as arrays: each observation period is a stratum, with its events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.inputs import Frame, frame
from sundbench.methods.self_controlled.days import Ints, whole_days


@dataclass(frozen=True)
class Cases:
    """Observation periods with events.

    Attributes:
        start, end: the first and last day of each period.
        person: whose it is, as a place in ``people``.
        people: the persons.
        period: of each event, the place of its period.
        event: the event's day.
        to_age: of each period, what is added to days to give ages; None if that is not known.
        to_calendar: the same to give days since 1970-01-01.
        repeated: rows that said again what another row had said.
        dated: whether the days were dates.
    """

    start: Ints
    end: Ints
    person: Ints
    people: pd.Index
    period: Ints
    event: Ints
    to_age: Ints | None
    to_calendar: Ints | None
    repeated: int
    dated: bool


def read_cases(data: Frame, birth: str | ArrayLike | None) -> Cases:
    """Read cases.

    Dates are calendar days. Numbers are ages in days, unless births are numbers too: then both are counted
    from one day (1970-01-01 where seasons are asked for).

    Raises:
        MethodError: missing values, an end before its start, or an event outside its period.
    """
    chosen = frame(data, ["person", "start", "end", "event_day"])
    columns, dated = {}, {}
    for name in ("start", "end", "event_day"):
        columns[name], dated[name] = whole_days(chosen[name], f"cases: {name}")
    if len(set(dated.values())) > 1:
        raise MethodError("cases: give start, end and event_day all as dates, or all as days of age")
    in_dates = dated["start"]
    table = pd.DataFrame(columns)
    table.insert(0, "person", chosen["person"].to_numpy())
    table["birth"] = 0
    born_dated = False
    if birth is not None:
        born, born_dated = whole_days(
            frame(data, [birth])[birth] if isinstance(birth, str) else birth, "birth"
        )
        if born.size != len(table):
            raise MethodError(f"birth: {born.size} values for {len(table)} rows of cases: give one a row")
        if in_dates and not born_dated:
            raise MethodError("birth: the cases' days are dates: give births as dates too")
        table["birth"] = born
    in_ages = not in_dates and (birth is None or born_dated)
    _check(table)
    unique = table.drop_duplicates(ignore_index=True)
    periods = unique.drop_duplicates(["person", "start", "end", "birth"], ignore_index=True)
    codes, people = pd.factorize(periods["person"], sort=True)
    code: Ints = np.asarray(codes, dtype=np.int64)
    order = np.lexsort((periods["end"], periods["start"], code))
    periods, code = periods.iloc[order].reset_index(drop=True), np.asarray(code[order], dtype=np.int64)
    keys = ["person", "start", "end", "birth"]
    place = unique[keys].merge(periods[keys].assign(_place=range(len(periods))), on=keys, how="left")
    born = periods["birth"].to_numpy(dtype=np.int64)
    zero = np.zeros(len(periods), dtype=np.int64)
    _apart(code, periods)
    return Cases(
        start=periods["start"].to_numpy(dtype=np.int64),
        end=periods["end"].to_numpy(dtype=np.int64),
        person=code,
        people=pd.Index(people),
        period=place["_place"].to_numpy(dtype=np.int64),
        event=unique["event_day"].to_numpy(dtype=np.int64),
        to_age=zero if in_ages else (-born if birth is not None else None),
        to_calendar=(born if birth is not None else None) if in_ages else zero,
        repeated=len(table) - len(unique),
        dated=in_dates,
    )


def _check(table: pd.DataFrame) -> None:
    late = int((table["end"] < table["start"]).sum())
    if late:
        raise MethodError(f"cases: {late} rows end before they start: mend or leave them out")
    outside = int(((table["event_day"] < table["start"]) | (table["event_day"] > table["end"])).sum())
    if outside:
        raise MethodError(
            f"cases: {outside} of {len(table)} events lie outside start to end (both count): leave them out"
        )


def _apart(code: Ints, periods: pd.DataFrame) -> None:
    """Refuse persons who are observed twice at the same time."""
    same = code[1:] == code[:-1]
    overlap = same & (periods["start"].to_numpy()[1:] <= periods["end"].to_numpy()[:-1])
    if overlap.any():
        raise MethodError(
            f"cases: {int(overlap.sum())} observation periods overlap another of the same person, or "
            "differ in birth: give a person one start and end, on every row of an event"
        )
