"""Comorbidity indices over a frame of persons, codes and dates, without the engine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import polars as pl

from sundbench.cohort import windows
from sundbench.cohort.comorbidity.code_lists import CodeList, code_list
from sundbench.cohort.comorbidity.counting import counted, total
from sundbench.errors import StudyError

Frame = pd.DataFrame | pl.DataFrame
Spelling = Literal["lpr", "icd"]


@dataclass(frozen=True)
class Scores:
    """Comorbidity of persons.

    Attributes:
        table: one row per person (and index day, where given): ``person``, ``index``, one column of yes and
            no for each condition that counts, and ``score``.
        codes: whose codes.
        weights: whose weights.
        hierarchy: whether of a condition and its graver form the graver alone counts.
    """

    table: pd.DataFrame
    codes: str
    weights: str
    hierarchy: bool


def charlson(
    diagnoses: Frame,
    *,
    index: Frame | None = None,
    years: float | None = None,
    codes: str = "danish",
    weights: str | None = None,
    hierarchy: bool = True,
    index_day: bool = False,
    persons: Iterable[object] = (),
    spelling: Spelling = "lpr",
) -> Scores:
    """Charlson comorbidity index of persons.

    Example:
        >>> diagnoses = pd.DataFrame({"person": [1, 1, 2], "code": ["DI219", "DE112", "DJ18"]})
        >>> charlson(diagnoses, codes="quan").table["score"].to_list()
        [3, 0]

    Args:
        diagnoses: ``person`` and ``code`` and, where an index day is given, ``date``; select types before.
        index: ``person`` and ``index`` (day); a person may have several. Who isn't in it isn't scored; who
            has no code in the look-back gets 0. None: all diagnoses count, whenever they were made.
        years: look-back in years of 365.25 days, the last whole day included; None: all days before.
        codes: the code list, see ``sundbench.charlson``.
        weights: the weights, see ``sundbench.charlson``.
        hierarchy: False counts a condition beside its graver form too.
        index_day: whether the index day belongs to the look-back.
        persons: persons to score besides those in ``diagnoses``, where no index day is given.
        spelling: ``lpr``: ICD-10 codes have a leading D; ``icd``: they have none.

    Raises:
        StudyError: a column is missing, or codes, weights or years that there aren't.
    """
    return _scores(
        code_list("charlson", codes),
        diagnoses,
        index=index,
        years=years,
        weights=weights,
        hierarchy=hierarchy,
        index_day=index_day,
        persons=persons,
        spelling=spelling,
    )


def elixhauser(
    diagnoses: Frame,
    *,
    index: Frame | None = None,
    years: float | None = None,
    codes: str = "quan",
    weights: str | None = None,
    hierarchy: bool = True,
    index_day: bool = False,
    persons: Iterable[object] = (),
    spelling: Spelling = "lpr",
) -> Scores:
    """Elixhauser comorbidity index of persons; arguments as those of ``charlson``.

    Raises:
        StudyError: a column is missing, or codes, weights or years that there aren't.
    """
    return _scores(
        code_list("elixhauser", codes),
        diagnoses,
        index=index,
        years=years,
        weights=weights,
        hierarchy=hierarchy,
        index_day=index_day,
        persons=persons,
        spelling=spelling,
    )


def _scores(
    listed: CodeList,
    diagnoses: Frame,
    *,
    index: Frame | None,
    years: float | None,
    weights: str | None,
    hierarchy: bool,
    index_day: bool,
    persons: Iterable[object],
    spelling: Spelling,
) -> Scores:
    weighting = listed.weighting(weights)
    where = f"{listed.index}()"
    if index is None and years is not None:
        raise StudyError(f"{where}: years={years!r} of look-back from which day? give index=")
    rows = _polars(diagnoses, ("person", "code") if index is None else ("person", "code", "date"), where)
    if index is None:
        more = pl.DataFrame({"person": pl.Series(list(persons), dtype=rows.schema["person"])})
        wanted = pl.concat([rows.select("person"), more]).unique()
        within = rows
    else:
        wanted = _polars(index, ("person", "index"), where).unique()
        within = _within(rows, wanted, windows.before(None, years, index_day).first, index_day)
    unit = wanted.columns
    flags = _flags(within.get_column("code").unique(), listed, spelling)
    names = [one.name for one in listed.conditions]
    found = within.join(flags, on="code", how="inner").group_by(unit).agg(pl.col(names).any())
    has = {name: pl.col(name).fill_null(value=False) for name in names}
    counts = counted(listed.conditions, has, hierarchy)
    table = (
        wanted.sort(unit)
        .join(found, on=unit, how="left", maintain_order="left")
        .select(
            *unit,
            *(counts[name].alias(name) for name in names),
            total(listed.conditions, counts, weighting).alias("score"),
        )
    )
    frame: pd.DataFrame = table.to_pandas()
    return Scores(frame, listed.codes, weighting, hierarchy)


def _polars(frame: Frame, columns: tuple[str, ...], where: str) -> pl.DataFrame:
    """The columns of a frame: codes as text, dates as days."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise StudyError(f"{where}: the frame lacks {', '.join(missing)}: it needs {', '.join(columns)}")
    if isinstance(frame, pd.DataFrame):
        frame = pl.from_pandas(frame[list(columns)])
    casts = {"code": pl.String, "date": pl.Date, "index": pl.Date}
    for name in ("date", "index"):
        if name in columns and not frame.schema[name].is_temporal():
            raise StudyError(f"{where}: column {name} holds no dates: convert it first")
    return frame.select(pl.col(name).cast(casts[name]) if name in casts else name for name in columns)


def _within(rows: pl.DataFrame, index: pl.DataFrame, first: int | None, index_day: bool) -> pl.DataFrame:
    day = (pl.col("date") - pl.col("index")).dt.total_days()
    inside = day <= (0 if index_day else -1)
    if first is not None:
        inside &= day >= first
    return rows.join(index, on="person", how="inner").filter(inside)


def _flags(codes: pl.Series, listed: CodeList, spelling: Spelling) -> pl.DataFrame:
    """Which conditions each code is of; a missing code is of none."""
    plain = pl.col("code").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return (
        codes.drop_nulls()
        .to_frame()
        .with_columns(
            plain.str.contains("^(?:" + "|".join(_spelled(one.codes, spelling)) + ")").alias(one.name)
            for one in listed.conditions
        )
    )


def _spelled(codes: Iterable[str], spelling: Spelling) -> list[str]:
    return [re.sub(r"^D(?=[A-Z])", "", code) if spelling == "icd" else code for code in codes]
