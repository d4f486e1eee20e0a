"""What the versions of the National Patient Register (LPR) have in common, and how each contact counts once.

LPR2 (somatic ``lpr_*``, psychiatric ``t_psyk_*``) ran to the first months of 2019; LPR3 began on 2 February
2019 in some regions and on 2 March in the others. No day divides them: each version's rows are taken wherever
they are, and what stands twice is dropped by two rules.

1. *A before F.* LPR3 was delivered in two models, LPR3A and LPR3F, of the same contacts under the same number
   (``dw_ek_kontakt``). A contact that is in A is taken from A.
2. *Migrated contacts count once.* LPR3 also holds contacts of the years before, under another reporting
   system than "LPR3" (``lprindberetningssystem``). They are dropped where the extract's LPR2 covers the day
   on which they begin, and kept where it doesn't. A missing reporting system is no sign of migration.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.scanning import opened
from sundbench.registers.catalogue import catalogue

Source = Literal["lpr2", "psyk", "lpr3a", "lpr3f"]

Lpr3 = Literal["lpr3a", "lpr3f"]

SYSTEM = "lprindberetningssystem"
KEY = "dw_ek_kontakt"
NATIVE = "LPR3"
RETRACTED = "senere_afkraeftet"
CONTACTS = {"lpr3a": "lpr3a_kontakt", "lpr3f": "lpr3f_kontakter"}
STARTS = {"lpr3a": "kont_starttidspunkt", "lpr3f": "dato_start"}


def once(bucket: Bucket, register: str, source: Lpr3, lpr2: str) -> pl.LazyFrame | None:
    """A register of LPR3 without migrated rows and, in F, without what A holds.

    Args:
        bucket: the bucket to read.
        register: a register of LPR3: contacts, diagnoses or procedures.
        source: the model that it belongs to.
        lpr2: the register of LPR2 that would hold the same.

    Returns:
        The register's own columns; None if the extract lacks it.

    Raises:
        StudyError: ``dw_ek_kontakt`` is needed to tell twins apart and the permit lacks it.
    """
    rows = bucket.scan(register)
    if rows is None:
        return None
    covered = bucket.coverage(lpr2) if bucket.has(lpr2) else None
    if covered is not None:
        rows = _without_migrated(bucket, rows, register, source, covered)
    if source == "lpr3f":
        rows = _without_twins(bucket, rows, register)
    return rows


def _without_migrated(
    bucket: Bucket, rows: pl.LazyFrame, register: str, source: Lpr3, covered: tuple[date, date]
) -> pl.LazyFrame:
    if bucket.has(register, SYSTEM):
        return rows.filter(~_migrated(bucket, register, covered))
    contacts = CONTACTS[source]
    if register == contacts or not bucket.has(contacts, SYSTEM):
        return rows
    bucket.need(register, KEY)
    migrated = _keys(bucket, contacts, _migrated(bucket, contacts, covered))
    return rows.join(migrated, on=KEY, how="anti")


def _migrated(bucket: Bucket, register: str, covered: tuple[date, date]) -> pl.Expr:
    day = catalogue().date_column(register)
    assert day is not None  # noqa: S101 - every register of LPR3 is dated
    bucket.need(register, day)
    held = bucket.columns(register)[day]
    since, after = (pl.lit(edge).cast(held) for edge in (covered[0], covered[1] + timedelta(days=1)))
    begun = (pl.col(day) >= since) & (pl.col(day) < after)
    return (pl.col(SYSTEM).ne(NATIVE) & begun).fill_null(value=False)


def _without_twins(bucket: Bucket, rows: pl.LazyFrame, register: str) -> pl.LazyFrame:
    twins = {"lpr3f_kontakter": "lpr3a_kontakt", "lpr3f_diagnoser": "lpr3a_diagnose"}
    twin = twins[register]
    if not bucket.has(twin):
        return rows
    # A contact in A counts with A's diagnoses, even where it has none there.
    holder = "lpr3a_kontakt" if bucket.has("lpr3a_kontakt", KEY) else twin
    bucket.need(register, KEY)
    return rows.join(_keys(bucket, holder), on=KEY, how="anti")


def _keys(bucket: Bucket, register: str, where: pl.Expr | None = None) -> pl.LazyFrame:
    """The contact numbers of a register, to be joined to another's rows.

    Read apart: where a view also shows the same register, Polars would else make one read
    of the two and filter only after it.
    """
    bucket.need(register, KEY)
    keys = opened(bucket.paths(register), apart=True)
    return (keys if where is None else keys.filter(where)).select(KEY)
