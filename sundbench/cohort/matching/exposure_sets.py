"""Exposure sets: users of the comparator at the same point of their history as a user of the study drug."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.matching import draws
from sundbench.cohort.matching.draws import RANK, Hashes
from sundbench.cohort.matching.pools import Pools
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.errors import StudyError

Integers = npt.NDArray[np.int64]

MOST = 100_000_000
"""More rows than this no cohort has: sets so large are to be drawn from."""


@dataclass(frozen=True, eq=False)
class ExposureSets:
    """The comparator's days, in order of the point of the history that they lie at.

    Attributes:
        days: ``person``, ``index``, ``prior_days``, ``prior_dispensings`` in that order.
        point: the point: days or dispensings since the first.
        person, day, prior_days: as in ``days``, in NumPy; days from 1970.
        hashed: what each person brings to ranks.
        own, own_day, own_days: the cases' pseudonyms, days, and days since their first.
        keys: what each case brings to ranks.
        first, last: the days at a case's point: ``person[first:last]``.
        apart: how far from a case's day one may lie; None for any distance.
    """

    days: pl.DataFrame
    person: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    prior_days: npt.NDArray[np.int32]
    hashed: Hashes
    own: npt.NDArray[np.int32]
    own_day: npt.NDArray[np.int32]
    own_days: npt.NDArray[np.int32]
    keys: Hashes
    first: Integers
    last: Integers
    apart: int | None

    @classmethod
    def of(cls, design: PrevalentNewUsers, cases: pl.DataFrame, pools: Pools) -> ExposureSets:
        """Put the buckets' pools in order.

        Args:
            design: the population.
            cases: ``person``, ``index``, ``prior_days``, ``prior_dispensings``.
            pools: as ``pools.pools`` gives them, of all buckets.
        """
        by = "prior_days" if design.sets == "time" else "prior_dispensings"
        days = pools["days"].sort(by, "person", "index")
        point, own = days[by].to_numpy(), cases[by].to_numpy()
        low = high = own
        if design.within_days is not None:
            # Without a history the comparator's history begins too: nothing near its beginning will do.
            low = np.where(own > 0, np.maximum(own - design.within_days, 1), 0)
            high = np.where(own > 0, own + design.within_days, 0)
        first = np.searchsorted(point, low)
        last = np.searchsorted(point, high, side="right")
        person = days["person"].to_numpy()
        return cls(
            days=days,
            person=person,
            day=days["index"].to_physical().to_numpy(),
            prior_days=days["prior_days"].to_numpy(),
            hashed=draws.of_persons(person),
            own=cases["person"].to_numpy(),
            own_day=cases["index"].to_physical().to_numpy(),
            own_days=cases["prior_days"].to_numpy(),
            keys=draws.of_cases(design.seed, cases["person"].to_numpy()),
            first=first,
            last=last,
            apart=design.calendar_days,
        )

    def candidates(self, cases: Integers, since: Hashes, wanted: Integers) -> pl.DataFrame:
        """The comparators of each case's exposure set, in the order of their ranks.

        Args:
            cases: the cases' places.
            since: the smallest rank that counts, by case.
            wanted: how many at most, by case.

        Returns:
            ``case`` (its place), ``person``, ``index``, ``prior_days``, ``prior_dispensings`` and the rank,
            by case and rank. Fewer than are wanted are all there are.

        Raises:
            StudyError: more rows than a cohort can have.
        """
        places, ranks, total = [], [], 0
        for case, least, many in zip(cases, since, wanted, strict=True):
            place, rank = self._ranked(int(case), least, int(many))
            total += len(place)
            if total > MOST:
                raise StudyError(
                    f"study, population: the exposure sets hold more than {MOST} rows: draw some of each "
                    "set with ratio="
                )
            places.append(place)
            ranks.append(rank)
        many_each = [len(place) for place in places]
        place = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        rank = np.concatenate(ranks) if ranks else np.zeros(0, dtype=np.uint64)
        return self.days[place].with_columns(
            pl.Series("case", np.repeat(cases, many_each).astype(np.uint32)), pl.Series(RANK, rank)
        )

    def _ranked(self, case: int, since: np.uint64, wanted: int) -> tuple[Integers, Hashes]:
        """A case's comparators, one day each: their places and ranks."""
        at = slice(int(self.first[case]), int(self.last[case]))
        rank = draws.ranks(self.keys[case : case + 1], self.hashed[at])
        fits = (rank >= since) & (self.person[at] != self.own[case])
        if self.apart is not None:
            fits &= np.abs(self.day[at] - self.own_day[case]) <= self.apart
        place = np.flatnonzero(fits)
        rank = rank[place]
        most = 4 * wanted + 64
        while True:
            # Of many the smallest ranks alone are put in order; a person's days share one rank.
            near = np.arange(len(place))
            if most < len(place):
                near = np.flatnonzero(rank < np.partition(rank, most)[most])
            there = place[near] + at.start
            apart = np.abs(self.prior_days[there] - self.own_days[case])
            order = np.lexsort((self.day[there], apart, rank[near]))
            there, ranked = there[order], rank[near][order]
            first = np.ones(len(ranked), dtype=bool)
            first[1:] = ranked[1:] != ranked[:-1]
            if most >= len(place) or int(first.sum()) >= wanted:
                return there[first][:wanted], ranked[first][:wanted]
            most *= 8
