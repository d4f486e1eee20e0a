"""How a delivered text becomes a typed value: one DuckDB expression a type, strict and without guessing.

Every expression gives null for a text that is not of its type; the caller tells that null from a missing
value by the text. DuckDB's own casts are lenient (1.5 becomes the integer 2, 0x10 sixteen, infinity a date);
what they let through is shut out here.
"""

from __future__ import annotations

from typing import Literal

from sundbench.registers.catalogue import Column, ColumnType

DECIMAL_MARKS = {",", "."}

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


def as_text(name: str, stored: str) -> str:
    """The text of a delivered column, trimmed; empty is null.

    Args:
        name: the column as the file spells it.
        stored: its DuckDB type in the file. Whole numbers lose their decimal point, dates and times are
            spelled as ISO 8601 has them, so that typed files are held to the same rules as CSV.
    """
    column = quoted(name)
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


def typed(text: str, kind: ColumnType, decimal: Literal[",", "."] | None = None) -> str:
    """The value of a text, null if it is not of its type.

    Args:
        text: an SQL expression that gives a trimmed text or null.
        kind: the catalogue's type; not ``person``, whose index the vault gives.
        decimal: the only decimal mark there may be; None for either.
    """
    day = f"TRY_CAST(concat({text}[1:4], '-', {text}[5:6], '-', {text}[7:8]) AS DATE)"
    integer = (
        f"CASE WHEN CAST(TRY_CAST({text} AS INTEGER) AS VARCHAR) = {text} THEN TRY_CAST({text} AS INTEGER)"
        f" WHEN regexp_full_match({text}, '[+-]?[0-9]+([.,]0*)?')"
        f" THEN TRY_CAST(regexp_replace({text}, '[.,]0*$', '') AS INTEGER) END"
    )
    match kind:
        case "key" | "code" | "text":
            return text
        case "integer":
            return integer
        case "year":
            return f"CASE WHEN ({integer}) BETWEEN 1800 AND 2200 THEN ({integer}) END"
        case "decimal":
            number = _number(text, decimal)
            return (
                f"CASE WHEN NOT contains({text}, '_') AND isfinite(TRY_CAST({number} AS DOUBLE))"
                f" THEN TRY_CAST({number} AS DOUBLE) END"
            )
        case "money":
            number = _number(text, decimal)
            return (
                f"CASE WHEN NOT contains({text}, '_')"
                f" THEN CAST(TRY_CAST({number} AS DECIMAL(17, 2)) * 100 AS BIGINT) END"
            )
        case "date":
            return (
                f"CASE length({text}) WHEN 8 THEN {day} WHEN 10 THEN TRY_CAST({text} AS DATE)"
                f" ELSE {_moment(text, 'DATE')} END"
            )
        case "datetime":
            return (
                f"CASE length({text}) WHEN 8 THEN CAST({day} AS TIMESTAMP_MS)"
                f" WHEN 10 THEN CAST(TRY_CAST({text} AS DATE) AS TIMESTAMP_MS)"
                f" ELSE {_moment(text, 'TIMESTAMP_MS')} END"
            )
        case "week":
            return _week(text)
        case "person":
            raise ValueError("a person's index comes from the vault")


def _number(text: str, decimal: Literal[",", "."] | None) -> str:
    if decimal == ".":
        return text
    number = f"replace({text}, ',', '.')"
    return number if decimal is None else f"CASE WHEN NOT contains({text}, '.') THEN {number} END"


def _moment(text: str, stored: str) -> str:
    return f"CASE WHEN length({text}) > 10 THEN CAST(TRY_CAST({text} AS TIMESTAMP) AS {stored}) END"


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
