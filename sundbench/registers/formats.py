"""What a delivery's files are like inside: separators, encodings, columns, and signs of a broken file."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow.parquet as pq

from sundbench.errors import DeliveryError
from sundbench.registers.casting import literal
from sundbench.registers.delivery import Settings, SourceFile

Encoding = Literal["utf-8", "latin-1"]

_HEAD = 1024 * 1024
_TAIL = 64 * 1024
_SEPARATORS: tuple[str, ...] = (",", ";", "\t", "|")
_UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Table:
    """A file as DuckDB reads it.

    Attributes:
        name: the file's name, for messages.
        relation: what stands after FROM.
        columns: the columns as the file spells them, with their DuckDB type.
        numeric: those whose person numbers have lost leading zeros, because they were stored as numbers.
        rows: how many rows the file itself says it has; None where it doesn't say.
        text: how it is split, if it is CSV.
    """

    name: str
    relation: str
    columns: dict[str, str]
    numeric: frozenset[str]
    rows: int | None
    text: Text | None = None

    def through(self, pipe: Path) -> Table:
        """The same CSV file, read from a pipe that gives its bytes."""
        if self.text is None:
            raise ValueError(f"{self.name} is no CSV file")
        return replace(self, relation=_read_csv(pipe, list(self.columns), self.text))


@dataclass(frozen=True)
class Text:
    """How a CSV file's bytes become fields.

    Attributes:
        separator: what stands between them.
        encoding: what the bytes mean.
        compressed: whether it is gzipped.
    """

    separator: str
    encoding: Encoding
    compressed: bool


def csv_table(file: SourceFile, settings: Settings, encoding: Encoding | None = None) -> Table:
    """Look at a CSV file's head and tail and say how it is to be read.

    Args:
        file: the file, gzipped or not.
        settings: what is said of separators and encoding.
        encoding: overrides what the head of the file says.

    Raises:
        DeliveryError: empty, binary, one column, two columns of one name, or cut off in its last line.
    """
    head = _head(file.path)
    if not head.strip():
        raise DeliveryError(f"{file.name}: the file is empty: ask for it again, or leave it out")
    if b"\0" in head:
        raise DeliveryError(f"{file.name}: not a CSV file (it has zero bytes): ask for it again")
    encoding = encoding or settings.encoding or _encoding(head)
    if encoding == "latin-1" and settings.encoding is None:
        _check_mixture(file.name, head.splitlines(keepends=True)[:-1] or [head])
    header = head.removeprefix(_UTF8_BOM).decode(encoding, errors="replace").splitlines()[0]
    separator: str = settings.separator or max(_SEPARATORS, key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator))]
    if len(names) < 2:
        raise DeliveryError(
            f"{file.name}, line 1: one column only: wrong separator? Name the right one in delivery.toml"
        )
    _check_names(file.name, names)
    text = Text(separator, encoding, compressed=file.path.suffix.lower() == ".gz")
    if not text.compressed:
        _check_tail(file, encoding, separator, len(names))
    return Table(
        name=file.name,
        relation=_read_csv(file.path, names, text),
        columns=dict.fromkeys(names, "VARCHAR"),
        numeric=frozenset(),
        rows=None,
        text=text,
    )


def parquet_table(name: str, paths: Iterable[Path], numeric: Iterable[str] = ()) -> Table:
    """Say how a Parquet file (or the parts of one table) is to be read.

    Args:
        name: the delivered file's name, for messages.
        paths: the Parquet files.
        numeric: columns that were numbers before they came here.

    Raises:
        DeliveryError: not a Parquet file, or columns that differ by case only.
    """
    files = sorted(paths)
    listed = ", ".join(literal(str(path)) for path in files)
    relation = f"read_parquet([{listed}], hive_partitioning=false)"
    try:
        rows = sum(pq.read_metadata(path).num_rows for path in files)
        with duckdb.connect() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
    except (OSError, ValueError, duckdb.Error):
        raise DeliveryError(f"{name}: not a readable Parquet file: ask for it again") from None
    columns = {row[0]: row[1] for row in described}
    _check_names(name, list(columns))
    numbers = {column for column, stored in columns.items() if _is_number(stored)}
    return Table(name, relation, columns, frozenset(numbers | set(numeric)), rows)


def latin_1_table(file: SourceFile, settings: Settings) -> Table:
    """Say how a file is to be read that turned out not to be UTF-8.

    Raises:
        DeliveryError: some of it is UTF-8 nevertheless.
    """
    with _open(file.path) as lines:
        _check_mixture(file.name, lines)
    return csv_table(file, settings, "latin-1")


def _check_mixture(name: str, lines: Iterable[bytes]) -> None:
    """Refuse a file of which some lines are UTF-8 and some are not: read as either, letters would be lost.

    Raises:
        DeliveryError: it is such a file. Danish in Latin-1 is all but never valid UTF-8 by chance: its
            letters would have to be followed by signs such as the degree sign.
    """
    for line in lines:
        if not line.isascii() and not line.decode("utf-8", errors="ignore").isascii():
            raise DeliveryError(
                f"{name}: some letters are UTF-8 and some are not: name the encoding in delivery.toml"
            )


def count_lines(path: Path) -> int:
    """Count a CSV file's lines that hold anything, without its header; lines inside quotes count too."""
    with _open(path) as file:
        return sum(1 for line in file if line.strip(b"\r\n")) - 1


def _is_number(stored: str) -> bool:
    return stored.endswith("INT") or stored in {"INTEGER", "FLOAT", "DOUBLE"} or stored.startswith("DECIMAL")


def _open(path: Path) -> gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _head(path: Path) -> bytes:
    try:
        with _open(path) as file:
            return file.read(_HEAD)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise DeliveryError(f"{path.name}: the gzip file is damaged or cut off: ask for it again") from None
    except OSError as error:
        raise DeliveryError(f"{path.name}: {error.strerror}") from None


def _encoding(head: bytes) -> Encoding:
    # The head may end inside a letter; its last line is left out of the question.
    whole = head if len(head) < _HEAD else head[: head.rfind(b"\n") + 1]
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _check_names(file: str, names: list[str]) -> None:
    lower = [name.lower() for name in names]
    twice = sorted({name for name in lower if lower.count(name) > 1})
    if twice:
        raise DeliveryError(f"{file}, line 1: two columns are named {', '.join(twice)}: rename one")


def _check_tail(file: SourceFile, encoding: Encoding, separator: str, columns: int) -> None:
    """A last line without its newline and with too few fields: the file was cut off there."""
    with file.path.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - _TAIL))
        tail = opened.read()
    if tail.endswith((b"\n", b"\r")) or b"\n" not in tail:
        return
    last = tail[tail.rfind(b"\n") + 1 :].decode(encoding, errors="replace")
    if len(next(csv.reader([last], delimiter=separator))) < columns:
        raise DeliveryError(f"{file.name}: the last line is cut off: the file is not whole: ask for it again")


def _read_csv(path: Path, names: list[str], text: Text) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    # Everything is given, nothing sniffed: what doesn't fit is rejected row by row and quarantined.
    return (
        f"read_csv({literal(str(path))}, auto_detect=false, header=true, delim={literal(text.separator)},"
        f" quote='\"', escape='\"', encoding={literal(text.encoding)}, columns={{{columns}}},"
        " strict_mode=true, null_padding=false, store_rejects=true, rejects_limit=0)"
    )
