"""Who of a freeze is in a permit's population: its rule, evaluated bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.errors import StoreError
from sundbench.governance.permit import Ever, Period, Rule
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import Catalogue
from sundbench.store.freeze import Freeze
from sundbench.store.intake import PEOPLE_PER_BUCKET

BIRTH = ("bef", "foed_dato")
"""The register and column that hold the day of birth."""

Members = npt.NDArray[np.bool_]
"""Whether each person is in, by national index."""

Scan = Callable[[str], pl.LazyFrame]


def population(
    freeze: Freeze,
    rule: Rule,
    catalogue: Catalogue,
    *,
    workers: int = 1,
    report: Report = silent,
) -> Members:
    """Evaluate a permit's population rule over a freeze.

    Args:
        freeze: the freeze.
        rule: the permit's rule.
        catalogue: what the registers are.
        workers: threads.
        report: told of each bucket.

    Returns:
        bool of shape (freeze.buckets * 10,000,): whether the person of that national index is in the
        population. A person without a row in any register is in nobody's.

    Raises:
        StoreError: the rule asks for what the freeze doesn't hold.
    """
    _check(freeze, rule, catalogue)
    members = np.zeros(freeze.buckets * PEOPLE_PER_BUCKET, dtype=bool)

    def evaluate(bucket: int) -> None:
        def scan(register: str) -> pl.LazyFrame:
            return pl.scan_parquet(freeze.file(register, bucket))

        taken = _Evaluation(scan, freeze.registers, bucket * PEOPLE_PER_BUCKET, catalogue).of(rule)
        members[bucket * PEOPLE_PER_BUCKET : (bucket + 1) * PEOPLE_PER_BUCKET] = taken

    with ThreadPoolExecutor(workers) as threads:
        for done, _ in enumerate(threads.map(evaluate, range(freeze.buckets)), start=1):
            report("population", done, freeze.buckets)
    return members


class _Evaluation:
    """The rule over one bucket; each answer is bool of shape (10,000,)."""

    def __init__(self, scan: Scan, registers: Collection[str], first: int, catalogue: Catalogue) -> None:
        self._scan = scan
        self._registers = registers
        self._first = first
        self._catalogue = catalogue

    def of(self, rule: Rule) -> Members:
        """Who is taken by the rule."""
        taken: Members
        if rule.every is not None:
            taken = np.all([self.of(part) for part in rule.every], axis=0)
        elif rule.some is not None:
            taken = np.any([self.of(part) for part in rule.some], axis=0)
        elif rule.ever is not None:
            taken = self._ever(rule.ever)
        elif rule.born is not None:
            taken = self._dated(*BIRTH, rule.born)
        elif rule.resident is not None:
            taken = self._dated("bef", self._catalogue.date_column("bef") or "", rule.resident)
        else:
            taken = np.any([self._persons(self._scan(register)) for register in self._registers], axis=0)
        return taken

    def _ever(self, ever: Ever) -> Members:
        code = pl.col(ever.column)
        begins = pl.any_horizontal(code.str.starts_with(prefix) for prefix in ever.prefixes)
        return self._persons(self._scan(ever.source).filter(begins))

    def _dated(self, register: str, column: str, period: Period) -> Members:
        within = pl.col(column).is_between(period.since, period.until)
        return self._persons(self._scan(register).filter(within))

    def _persons(self, rows: pl.LazyFrame) -> Members:
        present = np.zeros(PEOPLE_PER_BUCKET, dtype=bool)
        # Rows lie sorted by person: a run's first row is enough.
        runs = rows.select(pl.col("person").rle().struct.field("value"))
        present[runs.collect()["value"].to_numpy() - self._first] = True
        return present


def _check(freeze: Freeze, rule: Rule, catalogue: Catalogue) -> None:
    for leaf in rule.leaves():
        if leaf.everyone is not None:
            continue
        if leaf.ever is not None:
            register, column = leaf.ever.source, leaf.ever.column
        else:
            register, column = BIRTH if leaf.born else ("bef", catalogue.date_column("bef") or "")
        held = register in freeze.registers
        if not held or column not in pl.read_parquet_schema(freeze.file(register, 0)):
            what = f"column {register}.{column}" if held else f"register {register}"
            raise StoreError(
                f"freeze {freeze.id} has no {what}, which the permit's population rests on: "
                "extract from a freeze that holds it, or amend the permit"
            )
