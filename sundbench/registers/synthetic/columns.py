"""Columns as deliveries spell them: dates, times, person numbers and codes as text, by lookup."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import polars as pl

from sundbench.registers.synthetic.figures import Days, Indices
from sundbench.registers.synthetic.lives import Lives

Spelling = Literal["compact", "iso"]

_EARLIEST = -45_000
_LATEST = 30_000
_QUARTERS = 96


@cache
def _spelled(spelling: Spelling) -> pl.Series:
    days = pl.Series(np.arange(_EARLIEST, _LATEST, dtype=np.int32)).cast(pl.Date)
    texts = days.dt.strftime("%Y%m%d" if spelling == "compact" else "%Y-%m-%d")
    return pl.concat([texts, pl.Series([None], dtype=pl.String)])


def dates(days: np.ndarray[Any, Any], spelling: Spelling = "compact") -> pl.Series:
    """Dates as text; null for days that don't come."""
    inside = (days >= _EARLIEST) & (days < _LATEST)
    return _spelled(spelling).gather(
        np.where(inside, days - _EARLIEST, _LATEST - _EARLIEST).astype(np.uint32)
    )


@cache
def _clock() -> pl.Series:
    return pl.Series([f" {q // 4:02d}:{q % 4 * 15:02d}:00" for q in range(_QUARTERS)])


def moments(days: np.ndarray[Any, Any], quarter: np.ndarray[Any, Any]) -> pl.Series:
    """Times as text, ``YYYY-MM-DD HH:MM:SS``, from days and quarters of an hour (0 to 95)."""
    return dates(days, "iso") + _clock().gather(quarter.astype(np.uint32))


def codes(names: list[str], index: np.ndarray[Any, Any]) -> pl.Series:
    """Texts by their numbers; null where the number is -1."""
    table = pl.Series([*names, None], dtype=pl.String)
    return table.gather(np.where(index < 0, len(names), index).astype(np.uint32))


@dataclass(frozen=True)
class Numbers:
    """The person numbers of one chunk: one a person, then the new ones of the renumbered."""

    texts: pl.Series
    lives: Lives
    renewed: Indices

    @classmethod
    def of(cls, texts: pl.Series, lives: Lives) -> Numbers:
        """Number the persons of a chunk."""
        size = len(lives.frailty)
        renewed = np.full(size, -1, dtype=np.int64)
        changed = np.flatnonzero(lives.persons.renumbered)
        renewed[changed] = size + np.arange(len(changed))
        return cls(texts, lives, renewed)

    def at(self, person: Indices, when: Days | int) -> pl.Series:
        """The numbers that persons had on a day; null for persons -1."""
        known = np.maximum(person, 0)
        new = (self.lives.renumbering[known] <= when) & (self.renewed[known] >= 0)
        place = np.where(new, self.renewed[known], known)
        texts = self.texts.gather(place.astype(np.uint32))
        if (person < 0).any():
            return texts.set(pl.Series(person < 0), None)
        return texts

    def changes(self) -> pl.DataFrame:
        """Old and new numbers: ``pnr`` and ``pnr_gaeldende``, of those renumbered within the years."""
        changed = np.flatnonzero(self.renewed >= 0)
        return pl.DataFrame(
            {
                "pnr": self.texts.gather(changed.astype(np.uint32)),
                "pnr_gaeldende": self.texts.gather(self.renewed[changed].astype(np.uint32)),
            }
        )
