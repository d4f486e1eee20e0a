"""Episodes straight from a bucket: the dispensings of some codes, by the harmonised view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.events.medicines import Dispensing
from sundbench.cohort.exposure.episodes import episodes
from sundbench.cohort.exposure.rules import Rules
from sundbench.cohort.views import dispensings
from sundbench.cohort.views import stays as stays_of


def of_bucket(
    bucket: Bucket,
    medicine: Dispensing | None,
    rules: Rules,
    *,
    by: Sequence[str] = ("person", "atc"),
    product: str | None = None,
    until: date | None = None,
    outside_hospital: bool = False,
) -> pl.DataFrame:
    """Episodes of a medicine for a bucket's persons.

    Args:
        bucket: of ``db.bucket(i)``.
        medicine: what ``sb.dispensing(...)`` gives; ``None`` takes every dispensing.
        rules: how long a dispensing lasts, and how dispensings join.
        by: ``("person", "atc")`` for each ATC code by itself, ``("person",)`` for the medicine as one.
        product: the view's column that tells products apart, for ``rules.switching``.
        until: the last day of follow-up.
        outside_hospital: whether supply outlasts days in hospital (the view ``stays``).

    Returns:
        As ``episodes``.

    Raises:
        StudyError: as ``episodes``, or the extract lacks a register that is needed.
    """
    wanted = dict.fromkeys(
        ["person", *by, "date", *rules.supply.columns, *([product] if product is not None else [])]
    )
    if medicine is None:
        chosen = dispensings(bucket)
    else:
        codes = pl.any_horizontal(pl.col("atc").str.starts_with(code) for code in medicine.codes)
        chosen = dispensings(bucket, where=codes)
    stays = stays_of(bucket).collect() if outside_hospital else None
    return episodes(chosen.select(*wanted).collect(), rules, by=by, product=product, until=until, stays=stays)
