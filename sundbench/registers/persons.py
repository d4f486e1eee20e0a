"""Danish person numbers (CPR): their normal spelling and their form.

Ten digits: day, month and year of birth, and a running number. Replacement numbers, given to persons without
a CPR number, add 60 to the day. The check digit (modulus 11) is not asked for: since 2007 numbers are given
that don't satisfy it (CPR-kontoret, "Personnumre uden kontrolciffer").
"""

from __future__ import annotations

import polars as pl


def normal(text: str, *, number: bool) -> str:
    """SQL that spells a person number as ten digits.

    Args:
        text: SQL that gives the delivered text, trimmed.
        number: whether it was stored as a number, so that leading zeros are lost.
    """
    if number:
        return f"CASE WHEN length({text}) < 10 THEN lpad({text}, 10, '0') ELSE {text} END"
    hyphen = f"length({text}) = 11 AND {text}[7] = '-'"
    return f"CASE WHEN {hyphen} THEN concat({text}[1:6], {text}[8:11]) ELSE {text} END"


def normalised(numbers: pl.Series) -> pl.Series:
    """Trim person identifiers, and drop the hyphen from numbers spelled 010203-1234; empty becomes null."""
    texts = numbers.cast(pl.String).str.strip_chars().str.replace(r"^(\d{6})-(\d{4})$", "$1$2")
    return texts.set(texts == "", None)


def well_formed(numbers: pl.Series) -> pl.Series:
    """Whether each text has a person number's form.

    Args:
        numbers: String, no nulls.

    Returns:
        Boolean: ten digits whose first six are a day (or a day plus 60), a month and a year. 29 February is
        allowed in every year that ends as a leap year does.
    """
    digits = numbers.str.contains(r"^[0-9]{10}$")
    parts = pl.DataFrame({"number": numbers.set(~digits, "0000000000")}).select(
        day=pl.col("number").str.slice(0, 2).cast(pl.Int32),
        month=pl.col("number").str.slice(2, 2).cast(pl.Int32),
        year=pl.col("number").str.slice(4, 2).cast(pl.Int32),
    )
    day = pl.when(pl.col("day") > 60).then(pl.col("day") - 60).otherwise(pl.col("day"))
    short = pl.col("month").is_in([4, 6, 9, 11])
    last = (
        pl.when(pl.col("month") == 2)
        .then(28 + (pl.col("year") % 4 == 0).cast(pl.Int32))
        .otherwise(31 - short.cast(pl.Int32))
    )
    valid = parts.select(
        (day >= 1) & (day <= last) & (pl.col("month") >= 1) & (pl.col("month") <= 12)
    ).to_series()
    return (digits & valid).rename("well_formed")
