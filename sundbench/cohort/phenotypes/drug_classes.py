"""Conditions told by purchases of several classes of drugs, such as hypertension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sundbench.cohort import windows
from sundbench.cohort.events.conditions import begins
from sundbench.cohort.events.medicines import Dispensing
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Kind
from sundbench.cohort.language import Language, said
from sundbench.cohort.phenotypes.definitions import DrugClasses
from sundbench.cohort.windows import Window


def onset(purchases: pl.LazyFrame, rules: DrugClasses) -> pl.LazyFrame:
    """Since when: the end of the last of so many quarters on end, each with enough classes bought.

    Args:
        purchases: ``person``, ``date``, ``atc``, in any order.
        rules: the classes, and how many of them in how many quarters.

    Returns:
        ``person``, ``onset_date`` (the last day of that quarter) and ``classes`` (int32, bought in it), for
        those with the condition, sorted by person.
    """
    quarter = pl.col("date").dt.year() * 4 + pl.col("date").dt.quarter()
    last_day = pl.col("date").dt.truncate("1q").dt.offset_by("1q").dt.offset_by("-1d")
    nth = pl.int_range(pl.len()).over("person")
    return (
        purchases.group_by("person", quarter.alias("quarter"), last_day.alias("onset_date"))
        .agg(_classes(rules))
        .filter(pl.col("classes") >= rules.at_least)
        .sort("person", "quarter")
        .with_columns((pl.col("quarter") - nth).alias("run"))
        .with_columns(pl.int_range(1, pl.len() + 1).over("person", "run").alias("on_end"))
        .filter(pl.col("on_end") >= rules.quarters)
        .group_by("person", maintain_order=True)
        .agg(pl.col("onset_date").first(), pl.col("classes").first())
    )


def at_index(purchases: pl.LazyFrame, index: pl.LazyFrame, rules: DrugClasses) -> pl.LazyFrame:
    """How many classes were bought in [index - days, index], and whether they are enough.

    Args:
        purchases: ``person``, ``date``, ``atc``, in any order.
        index: ``person`` and ``index`` (day); a person may have several.
        rules: the classes, how many of them, and the days.

    Returns:
        ``person``, ``index``, ``classes`` (int32, 0 where none) and ``present``, sorted.
    """
    before = pl.col("index") - pl.duration(days=rules.days)
    unit = index.select("person", "index").unique()
    found = (
        purchases.join(unit, on="person", how="inner")
        .filter(pl.col("date").is_between(before, pl.col("index")))
        .group_by("person", "index")
        .agg(_classes(rules))
    )
    return (
        unit.join(found, on=["person", "index"], how="left")
        .with_columns(pl.col("classes").fill_null(0))
        .with_columns((pl.col("classes") >= rules.at_least).alias("present"))
        .sort("person", "index")
    )


@dataclass(frozen=True, eq=False)
class NumberOfClasses(Composite):
    """How many classes of drugs were dispensed in [index - days, index].

    Attributes:
        name: the phenotype's name.
        classes: the classes' names and codes.
        days: how far to look back.
    """

    name: str
    classes: Mapping[str, tuple[str, ...]]
    days: int

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "int"

    @property
    def events(self) -> tuple[Dispensing, ...]:
        """A dispensing of each class."""
        return tuple(Dispensing(tuple(codes)) for codes in self.classes.values())

    @property
    def event(self) -> Dispensing:
        """A dispensing of any class."""
        return Dispensing(tuple(dict.fromkeys(code for codes in self.classes.values() for code in codes)))

    @property
    def window(self) -> Window:
        """The look-back, the index day in it."""
        return windows.before(self.days, None, index_day=True)

    def value(self, happened: Sequence[pl.Expr]) -> pl.Expr:
        """The number of classes."""
        return pl.sum_horizontal([one.cast(pl.Int32) for one in happened]).cast(pl.Int32)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(
            language,
            f"number of drug classes of {self.name} dispensed, {self.window.in_words(language)}",
            f"antal indløste lægemiddelklasser af {self.name}, {self.window.in_words(language)}",
        )


def _classes(rules: DrugClasses) -> pl.Expr:
    """The number of classes in a group of purchases: a combination counts in each of its classes."""
    bought = [begins("atc", codes).any().cast(pl.Int32) for codes in rules.classes.values()]
    return pl.sum_horizontal(bought).cast(pl.Int32).alias("classes")
