"""The rhythm of purchases as a value of a protocol: the method of PRE2DUP with its tables of packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from sundbench.cohort.exposure.purchase_rhythm import CLASSES, PACKAGES
from sundbench.cohort.exposure.purchase_rhythm import purchase_rhythm as periods_of
from sundbench.cohort.exposure.rhythm_limits import RhythmLimits
from sundbench.cohort.language import Language, number, said
from sundbench.errors import StudyError

Rows = tuple[tuple[str | float | None, ...], ...]


@dataclass(frozen=True)
class PurchaseRhythm:
    """Periods of use told from how often somebody buys; see docs/exposure.md.

    Attributes:
        packages: what is known of products: rows of the columns that ``exposure.purchase_rhythm`` names.
        classes: the same for ATC codes.
        limits: within which a rhythm is believed.
    """

    packages: Rows
    classes: Rows
    limits: RhythmLimits = field(default_factory=RhythmLimits)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        known = number(language, len(self.packages)), number(language, len(self.classes))
        gap = number(language, self.limits.longest_gap)
        return said(
            language,
            f"periods from the rhythm of purchases (PRE2DUP, {known[0]} packages and {known[1]} classes; "
            f"at most {gap} days between purchases)",
            f"perioder ud fra købenes rytme (PRE2DUP, {known[0]} pakninger og {known[1]} klasser; "
            f"højst {gap} dage mellem køb)",
        )

    def periods(self, purchases: pl.DataFrame, stays: pl.DataFrame | None) -> pl.DataFrame:
        """The periods of each ATC code; see ``exposure.purchase_rhythm``."""
        return periods_of(
            purchases,
            _frame(self.packages, PACKAGES),
            _frame(self.classes, CLASSES),
            stays=stays,
            limits=self.limits,
        )


def purchase_rhythm(
    packages: Any,  # noqa: ANN401 - a frame of pandas or Polars
    classes: Any,  # noqa: ANN401 - likewise
    limits: RhythmLimits | None = None,
) -> PurchaseRhythm:
    """Exposure told from the rhythm of purchases, after PRE2DUP.

    Args:
        packages: a frame (pandas or Polars) of what is known of products, with ``vnr``, ``lower_ddd``,
            ``usual_ddd``, ``minimum_days``, ``usual_days`` and ``maximum_days``.
        classes: the same for ATC codes or their beginnings: ``atc``, ``lower_ddd``, ``usual_ddd``,
            ``minimum_days`` and ``maximum_days``.
        limits: PRE2DUP's own if nothing is said.

    Raises:
        StudyError: a column is missing, or there are no classes.
    """
    rows = _rows(packages, PACKAGES, "packages"), _rows(classes, CLASSES, "classes")
    if not rows[1]:
        raise StudyError("purchase_rhythm(): no classes: give at least one ATC code or its beginning")
    return PurchaseRhythm(*rows, limits if limits is not None else RhythmLimits())


def _rows(frame: Any, columns: Sequence[str], what: str) -> Rows:  # noqa: ANN401 - of pandas or Polars
    table = frame if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise StudyError(f"purchase_rhythm(): {what} has no column {', '.join(missing)}")
    key, *numbers = columns
    plain = table.select(
        pl.col(key).cast(pl.String), *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in numbers)
    )
    return tuple(plain.sort(key).rows())


def _frame(rows: Rows, columns: Sequence[str]) -> pl.DataFrame:
    schema = {columns[0]: pl.String, **dict.fromkeys(columns[1:], pl.Float64)}
    return pl.DataFrame(list(rows), schema=schema, orient="row")
