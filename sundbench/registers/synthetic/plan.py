"""What is to be synthesized: how many persons, which years, and the random streams."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sundbench.registers.synthetic.figures import Floats, day, figures

CHUNK = 2_500
"""Persons a chunk. Families and random streams don't cross chunks."""


@dataclass(frozen=True)
class Plan:
    """One synthesis.

    Attributes:
        persons: how many distinct persons the registers know over all years.
        first: the first calendar year.
        last: the last calendar year.
        seed: the same seed gives the same bytes.
    """

    persons: int
    first: int
    last: int
    seed: int

    @property
    def chunks(self) -> int:
        """How many chunks the persons fall into."""
        return -(-self.persons // CHUNK)

    def size(self, chunk: int) -> int:
        """Persons of one chunk."""
        return min(CHUNK, self.persons - chunk * CHUNK)

    @cached_property
    def start(self) -> int:
        """The first day, as a day number."""
        return day(f"{self.first}-01-01")

    @cached_property
    def end(self) -> int:
        """The last day, as a day number."""
        return day(f"{self.last}-12-31")

    @property
    def years(self) -> range:
        """The calendar years."""
        return range(self.first, self.last + 1)

    def stream(self, chunk: int, part: str) -> np.random.Generator:
        """The random stream of one part of one chunk; no two parts share numbers."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(chunk, zlib.crc32(part.encode())))
        return np.random.Generator(np.random.SFC64(sequence))


def over_years(table: dict[str, Any], years: range) -> Floats:
    """A yearly figure (``thousands`` at ``years`` of a table) for each calendar year, linear between."""
    return np.asarray(np.interp(np.array(years), table["years"], table["thousands"]))


def shares(plan: Plan) -> tuple[float, float, float]:
    """The shares of all persons who were residents at the start, were born, and came from abroad."""
    population = figures("population")
    present = float(np.interp(plan.first, population["size"]["years"], population["size"]["thousands"]))
    born = float(over_years(population["births"], plan.years).sum())
    came = float(over_years(population["immigration"], plan.years).sum())
    total = present + born + came
    return present / total, born / total, came / total
