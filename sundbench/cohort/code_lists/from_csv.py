"""Lists of codes from CSV files, as researchers keep and share them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from sundbench.cohort.codes import CodeList
from sundbench.errors import StudyError

DELIMITERS = (",", ";", "\t")


def codes_from_csv(path: str | Path, column: str, where: Mapping[str, str] | None = None) -> CodeList:
    """A list of codes from a column of a CSV file.

    The file is UTF-8, or Latin-1 where it can't be UTF-8; its first line names the columns, parted by commas,
    semicolons or tabs. A code that stands on several lines counts once. A word such as ``sb.diagnosis``
    checks the codes, and its message names the line.

    Args:
        path: the file.
        column: the column that holds the codes.
        where: only the lines that have these values in these columns.

    Example:
        >>> sb.diagnosis(sb.codes_from_csv("codes.csv", column="icd10", where={"outcome": "stroke"}))

    Raises:
        StudyError: no such file or column, a line with too few or too many fields, one without a code, or
            no lines; names file, line and column.
    """
    file = Path(path)
    told = f"codes_from_csv(): {file.name}"
    lines = list(_lines(_text(file, told)))
    if not lines:
        raise StudyError(f"{told}: it is empty: its first line must name the columns")
    header = [name.strip() for name in lines[0][1]]
    places = {name: _place(header, name, told) for name in (column, *(where or {}))}
    found: dict[str, str] = {}
    for number, fields in lines[1:]:
        if len(fields) != len(header):
            raise StudyError(
                f"{told}, line {number}: {len(fields)} fields, but the first line names {len(header)} columns"
            )
        if any(fields[places[name]].strip() != str(value) for name, value in (where or {}).items()):
            continue
        code = fields[places[column]].strip()
        if not code:
            raise StudyError(f"{told}, line {number}, column {column}: no code")
        found.setdefault(code, f"{file.name}, line {number}, column {column}")
    if not found:
        chosen = ", ".join(f"{name} {value!r}" for name, value in (where or {}).items())
        raise StudyError(f"{told}: no lines{f' with {chosen}' if chosen else ''}")
    name = file.stem if not where else f"{file.stem} ({', '.join(str(value) for value in where.values())})"
    return CodeList(name, name, name, None, tuple(found), tuple(found.values()), source=file.name)


def _text(file: Path, told: str) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise StudyError(f"{told}: it can't be read ({error.strerror}): is the path right?") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that aren't blank, with their numbers; the delimiter is the first line's commonest."""
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    before = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for fields in reader:
        number, before = before + 1, reader.line_num
        if any(field.strip() for field in fields):
            yield number, fields


def _place(header: list[str], name: str, told: str) -> int:
    if name not in header:
        raise StudyError(f"{told}, line 1: no column {name!r}: there are {', '.join(header)}")
    if header.count(name) > 1:
        raise StudyError(f"{told}, line 1: several columns {name!r}")
    return header.index(name)
