"""How a delivered text becomes a typed value: one DuckDB expression a type, strict and without guessing.

Every expression gives null for a text that is not of its type; the caller tells that null from a missing
value by the text. DuckDB's own casts are lenient (1.5 becomes the integer 2, 0x10 sixteen, infinity a date);
what they let through is shut out here.
"""

from __future__ import annotations

from typing import Literal

from sundbench.registers.catalogue import Column, ColumnType

DUCKDB_TYPES: dict[ColumnType, str] = {
    "person": "INTEGER",
    "key": "VARCHAR",
    "code": "VARCHAR",
    "text": "VARCHAR",
    "integer": "INTEGER",
    "decimal": "DOUBLE",
    "money": "BIGINT",
    "date": "DATE",
    "datetime": "TIMESTAMP_MS",
    "week": "DATE",
    "year": "INTEGER",
}
"""How each type of the catalogue is stored while a delivery is read."""

COMPLAINTS: dict[ColumnType, str] = {
    "integer": "not an integer",
    "decimal": "not a number",
    "money": "not an amount",
    "date": "not a date",
    "datetime": "not a time",
    "week": "not a week yyww",
    "year": "not a year",
}
"""What is said of a text that is not of its type; of keys, codes and texts nothing can be said."""

_CENTURY = 70  # yyww: weeks are known from 1990 on, so that 70 and later are of the 1900s


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def as_text(name: str, stored: str, *, plain: bool = False) -> str:
    """The text of a delivered column, trimmed; empty is null.

    Args:
        name: the column as the file spells it.
        plain: whether the file is known to have nothing to trim, which is a third of the work.
        stored: its DuckDB type in the file. Whole numbers lose their decimal point, dates and times are
            spelled as ISO 8601 has them, so that typed files are held to the same rules as CSV.
    """
    column = quoted(name)
    if plain and stored == "VARCHAR":
        return column
    if stored in {"FLOAT", "DOUBLE"} or stored.startswith("DECIMAL"):
        column = (
            f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e15"
            f" THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
        )
    elif stored != "VARCHAR":
        column = f"CAST({column} AS VARCHAR)"
    return f"nullif(trim({column}), '')"


def present(text: str, column: Column) -> str:
    """A text, or null where it is one of the codes that mean "missing"."""
    if not column.missing:
        return text
    codes = ", ".join(literal(code) for code in column.missing)
    return f"CASE WHEN {text} IN ({codes}) THEN NULL ELSE {text} END"


def quick(text: str, kind: ColumnType) -> str:
    """DuckDB's own cast of a text, lenient and fast: what `typed` looks at first."""
    stored = {"decimal": "DOUBLE", "money": "DECIMAL(17, 2)"}.get(kind)
    if stored is None:
        stored = "INTEGER" if kind in {"integer", "year", "date", "datetime"} else "VARCHAR"
    return f"TRY_CAST({text} AS {stored})"


def typed(text: str, first: str, kind: ColumnType, decimal: Literal[",", "."] | None = None) -> str:
    """The value of a text, null if it is not of its type.

    Args:
        text: a column with the text, trimmed, or null.
        first: a column with the text's `quick` cast. Apart, since DuckDB would compute it anew wherever it
            stands in a CASE, and 50 million rows feel every 10 nanoseconds.
        kind: the catalogue's type; not ``person``, whose index the vault gives.
        decimal: the only decimal mark there may be; None for either.
    """
    match kind:
        case "key" | "code" | "text":
            return text
        case "integer":
            return _integer(text, first)
        case "year":
            year = _integer(text, first)
            return f"CASE WHEN ({year}) BETWEEN 1800 AND 2200 THEN ({year}) END"
        case "decimal":
            return _number(text, first, decimal, "DOUBLE", "isfinite({0})")
        case "money":
            amount = _number(text, first, decimal, "DECIMAL(17, 2)", "{0} IS NOT NULL")
            return f"CAST(({amount}) * 100 AS BIGINT)"
        case "date":
            return (
                f"CASE length({text}) WHEN 8 THEN {_day(first)} WHEN 10 THEN {_iso(text)}"
                f" ELSE {_moment(text, 'DATE')} END"
            )
        case "datetime":
            return (
                f"CAST(CASE length({text}) WHEN 8 THEN {_day(first)} WHEN 10 THEN {_iso(text)}"
                f" ELSE {_moment(text, 'TIMESTAMP')} END AS TIMESTAMP_MS)"
            )
        case "week":
            return _week(text)
        case "person":
            raise ValueError("a person's index comes from the vault")


def _integer(text: str, first: str) -> str:
    """A whole number that is spelled as DuckDB spells it, or with zeros or a plus sign around."""
    return (
        f"CASE WHEN CAST({first} AS VARCHAR) = {text} THEN {first}"
        f" WHEN regexp_full_match({text}, '[+-]?[0-9]+([.,]0*)?')"
        f" THEN TRY_CAST(regexp_replace({text}, '[.,]0*$', '') AS INTEGER) END"
    )


def _number(text: str, first: str, decimal: Literal[",", "."] | None, stored: str, valid: str) -> str:
    point = f"WHEN {valid.format(first)} AND NOT contains({text}, '_') THEN {first}"
    swapped = f"TRY_CAST(replace({text}, ',', '.') AS {stored})"
    comma = (
        f"WHEN contains({text}, ',') AND NOT contains({text}, '.') AND NOT contains({text}, '_')"
        f" AND {valid.format(swapped)} THEN {swapped}"
    )
    if decimal == ",":
        return f"CASE WHEN contains({text}, '.') THEN NULL {point} {comma} END"
    return f"CASE {point} END" if decimal == "." else f"CASE {point} {comma} END"


def _day(number: str) -> str:
    """A date of eight digits; the bounds shut out signs, underscores and hexadecimal numbers."""
    return (
        f"CASE WHEN {number} BETWEEN 18000101 AND 99991231"
        f" THEN TRY(make_date({number} // 10000, {number} // 100 % 100, {number} % 100)) END"
    )


def _iso(text: str) -> str:
    return f"CASE WHEN {text}[5] = '-' AND {text}[8] = '-' THEN TRY_CAST({text} AS DATE) END"


def _moment(text: str, stored: str) -> str:
    """A date with a time of day, in ISO 8601."""
    return (
        f"CASE WHEN length({text}) > 10 AND {text}[5] = '-' AND {text}[8] = '-'"
        f" THEN CAST(TRY_CAST({text} AS TIMESTAMP) AS {stored}) END"
    )


def _week(text: str) -> str:
    """The Monday of an ISO 8601 week: the week that holds 4 January is the year's first."""
    digits = f"lpad({text}, 4, '0')"
    short = f"TRY_CAST({digits}[1:2] AS INTEGER)"
    year = f"({short} + CASE WHEN {short} >= {_CENTURY} THEN 1900 ELSE 2000 END)"
    week = f"TRY_CAST({digits}[3:4] AS INTEGER)"
    monday = f"CAST(date_trunc('week', make_date({year}, 1, 4)) AS DATE) + 7 * ({week} - 1)"
    # A week 53 that its year doesn't have would be the next year's first.
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]{{1,4}}') AND {week} BETWEEN 1 AND 53"
        f" AND isoyear({monday}) = {year} THEN {monday} END"
    )
