"""Risk-set sampling: of those at risk on a case's day and alike, those of the smallest ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.matching import draws
from sundbench.cohort.matching.draws import RANK, Hashes
from sundbench.cohort.matching.pools import Pools
from sundbench.cohort.populations.matched import Matched

Integers = npt.NDArray[np.int64]

AT_ONCE = 1 << 20
"""Ranks worked out at a time: a few arrays of so many numbers fit a processor's cache, or nearly."""

NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Everyone who may be a control, in order of what they are matched on, then of pseudonym.

    Attributes:
        person, since: whose; the first day, from 1970, on which they are no longer at risk.
        hashed: what each brings to ranks.
        regions: where they live, when; None where they aren't matched on it.
        stays: when they are resident.
        own: the cases' pseudonyms.
        day: the cases' days, from 1970.
        keys: what each case brings to ranks.
        first, last: those who are alike to a case: ``person[first:last]``.
        region: the cases' regions, 0 where unknown; None where nobody is matched on it.
    """

    person: npt.NDArray[np.int32]
    since: npt.NDArray[np.int32]
    hashed: Hashes
    stays: _Spans
    regions: _Spans | None
    own: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    keys: Hashes
    first: Integers
    last: Integers
    region: npt.NDArray[np.int32] | None

    @classmethod
    def of(cls, design: Matched, cases: pl.DataFrame, pools: Pools) -> RiskSets:
        """Put the buckets' pools in order.

        Args:
            design: the population.
            cases: ``person`` and ``index``.
            pools: as ``pools.pools`` gives them, of all buckets.
        """
        people = pools["people"]
        by = [name for name in ("sex", "birth_year") if name in design.on]
        stratum = _strata(people, by)
        order = np.lexsort((people["person"].to_numpy(), stratum))
        person = people["person"].to_numpy()[order]
        by_person = np.argsort(person)
        own = cases["person"].to_numpy()
        found = np.searchsorted(person[by_person], own)
        shown = found < len(person)
        shown[shown] = person[by_person[found[shown]]] == own[shown]
        place = np.full(len(own), -1)
        place[shown] = by_person[found[shown]]
        ordered = stratum[order]
        # A case whom the register doesn't show, or of whom it doesn't tell, is like nobody.
        like = np.where(place >= 0, ordered[place] if len(ordered) else -1, -1)
        first, last = np.searchsorted(ordered, like), np.searchsorted(ordered, like, side="right")
        if by:
            last = np.where(like < 0, first, last)
        else:
            first, last = np.zeros_like(first), np.full_like(last, len(person))
        day = cases["index"].to_physical().to_numpy()
        regions, region = None, None
        if "region" in design.on:
            regions = _Spans.of(_of(people, pools["regions"]), person, by_person, "region")
            region = np.where(place >= 0, regions.at(np.maximum(place, 0), day), 0).astype(np.int32)
        return cls(
            person=person,
            since=people["since"].to_physical().fill_null(NEVER).to_numpy()[order],
            hashed=draws.of_persons(person),
            stays=_Spans.of(_of(people, pools["stays"]), person, by_person, "until"),
            regions=regions,
            own=own,
            day=day,
            keys=draws.of_cases(design.seed, own),
            first=first,
            last=last,
            region=region,
        )

    def candidates(self, cases: Integers, since: Hashes, wanted: Integers) -> pl.DataFrame:
        """Those at risk on each case's day, in the order of their ranks.

        Args:
            cases: the cases' places.
            since: the smallest rank that counts, by case.
            wanted: how many at most, by case.

        Returns:
            ``case`` (its place), ``person``, ``index`` and ``rank``, by case and rank. Fewer than are wanted
            are all there are.
        """
        found = []
        open_, most = np.arange(len(cases)), wanted.astype(np.float64) * 1.2 + 8
        while len(open_):
            parts, short = [], []
            for some in self._together(cases[open_]):
                chosen = open_[some]
                part, missing = self._ranked(cases[chosen], since[chosen], wanted[chosen], most[chosen])
                parts.append(part)
                short.append(chosen[missing])
            found += parts
            open_ = np.concatenate(short)
            most[open_] *= 8
        columns = [np.concatenate(column) for column in zip(*found, strict=True)] if found else []
        return _frame(self.person, self.day, columns)

    def _together(self, cases: Integers) -> list[Integers]:
        """Places in a list of cases, cut so that those of a part are like the same persons, and few."""
        order = np.argsort(self.first[cases], kind="stable")
        starts = self.first[cases][order]
        parts = []
        for part in np.split(order, np.flatnonzero(np.diff(starts)) + 1):
            if not len(part):
                continue
            among = int((self.last[cases[part]] - self.first[cases[part]]).max())
            at_once = max(1, AT_ONCE // max(among, 1))
            parts += [part[start : start + at_once] for start in range(0, len(part), at_once)]
        return parts

    def _ranked(
        self, cases: Integers, since: Hashes, wanted: Integers, most: npt.NDArray[np.float64]
    ) -> tuple[tuple[Integers, Integers, Hashes], npt.NDArray[np.bool_]]:
        """The candidates of cases that are like the same persons, among the smallest of their ranks.

        Returns:
            Case, place and rank of each candidate of the cases that have enough, or all there are; and which
            cases have too few so far.
        """
        empty = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
        first, last = int(self.first[cases[0]]), int(self.last.take(cases).max())
        some = self.last[cases] > self.first[cases]
        if not some.any():
            return empty, np.zeros(len(cases), dtype=bool)
        ends = draws.limit(since, most, last - first)
        ranks = draws.ranks(self.keys[cases][:, None], self.hashed[first:last][None, :])
        near, place = np.nonzero((ranks >= since[:, None]) & (ranks <= ends[:, None]) & some[:, None])
        rank, place = ranks[near, place], place + first
        fit = self._fits(cases[near], place)
        near, place, rank = near[fit], place[fit], rank[fit]
        order = np.lexsort((rank, near))
        near, place, rank = near[order], place[order], rank[order]
        many = np.bincount(near, minlength=len(cases))
        missing = (many < wanted) & (ends < draws.LARGEST) & some
        nth = np.arange(len(near)) - (np.cumsum(many) - many)[near]
        taken = ~missing[near] & (nth < wanted[near])
        return (cases[near[taken]], place[taken], rank[taken]), missing

    def _fits(self, cases: Integers, place: Integers) -> npt.NDArray[np.bool_]:
        """Whether persons are at risk on the cases' days, and live where they do."""
        day = self.day[cases]
        fits: npt.NDArray[np.bool_] = (self.person[place] != self.own[cases]) & (self.since[place] > day)
        fits &= self.stays.at(place, day) >= day
        if self.regions is not None and self.region is not None:
            there = self.region[cases]
            fits &= (there > 0) & (self.regions.at(place, day) == there)
        return fits


@dataclass(frozen=True, eq=False)
class _Spans:
    """Values of persons from a day on, until the next.

    Attributes:
        key: person's place and day in one number, in order.
        value: the value from that day on.
    """

    key: Integers
    value: npt.NDArray[np.int32]

    @classmethod
    def of(
        cls, frame: pl.DataFrame, person: npt.NDArray[np.int32], by_person: Integers, value: str
    ) -> _Spans:
        """Spans of a frame with ``person``, ``from`` and the value, of persons who are all there."""
        at = np.searchsorted(person[by_person], frame["person"].to_numpy())
        key = _keys(by_person[at], frame["from"].to_physical().to_numpy())
        order = np.argsort(key)
        values = frame[value].to_physical().cast(pl.Int32).to_numpy()
        return cls(key[order], values[order])

    def at(self, place: Integers, day: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The value of the last span that has begun; the smallest number where none has."""
        never = np.int32(np.iinfo(np.int32).min)
        if not len(self.key):
            return np.full(len(place), never)
        last = np.searchsorted(self.key, _keys(place, day), side="right") - 1
        begun = (last >= 0) & (self.key[np.maximum(last, 0)] >= _keys(place, np.full_like(day, -(1 << 20))))
        found: npt.NDArray[np.int32] = np.where(begun, self.value[np.maximum(last, 0)], never)
        return found


def _keys(place: Integers, day: npt.NDArray[np.int32]) -> Integers:
    keys: Integers = (place.astype(np.int64) << 22) + day + (1 << 21)
    return keys


def _of(people: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of persons whom the population register shows: others have only moved."""
    return frame.join(people, on="person", how="semi")


def _strata(people: pl.DataFrame, by: Sequence[str]) -> Integers:
    """A number for each combination of the values; -1 where one is missing."""
    number = np.zeros(people.height, dtype=np.int64)
    missing = np.zeros(people.height, dtype=bool)
    for name in by:
        missing |= people[name].is_null().to_numpy()
        number = number * 10_000 + people[name].cast(pl.Int64).fill_null(0).to_numpy()
    return np.where(missing, -1, number)


def _frame(
    person: npt.NDArray[np.int32], day: npt.NDArray[np.int32], columns: list[npt.NDArray[np.generic]]
) -> pl.DataFrame:
    """Candidates as a frame, by case and rank."""
    case, place, rank = (
        columns if columns else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint64))
    )
    return pl.DataFrame(
        {
            "case": case.astype(np.uint32),
            "person": person[place],
            "index": pl.Series(day[case]).cast(pl.Int32).cast(pl.Date),
            RANK: rank,
        }
    ).sort("case", RANK)
