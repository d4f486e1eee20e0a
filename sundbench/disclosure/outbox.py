"""Reading an outbox as the check must: nothing in it is taken on trust."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sundbench.disclosure.encoding import DIGITS, is_plain, parquet, rounded
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.output import Output, digest, read_card
from sundbench.errors import DisclosureError

LARGEST = 20_000_000
"""Bytes of a file that may leave; an aggregate has far fewer."""

_REWRITE = "write it with sundbench.outputs() in a run"


@dataclass(frozen=True)
class Emitted:
    """An output as it lies in the outbox.

    Attributes:
        card: what its card says.
        table: its table; empty for a figure.
        drawing: the bytes of a figure; empty for a table.
    """

    card: Output
    table: pl.DataFrame
    drawing: bytes = b""

    def place(self, row: int) -> str:
        """A row in words: its dimensions, or its number."""
        parts = [f"{name}={self.table[name][row]}" for name in self.card.having("dimension")]
        return ", ".join(parts) if parts else f"row {row + 1}"

    def behind(self, column: str) -> list[float | None]:
        """A column of the table or of the evidence, as numbers."""
        if column in self.card.evidence:
            return self.card.evidence[column]
        return self.table[column].cast(pl.Float64).to_list()


def read_outbox(outbox: Path) -> tuple[list[Emitted], list[Finding]]:
    """Read every output, and find what is not one.

    Raises:
        DisclosureError: there is no such folder, or nothing in it.
    """
    if not outbox.is_dir():
        raise DisclosureError(f"no outbox at {outbox}: run the study first")
    files = {path.name: path for path in outbox.iterdir()}
    if not files:
        raise DisclosureError(f"outbox {outbox} is empty: the run wrote no outputs")
    outputs: list[Emitted] = []
    findings: list[Finding] = []
    expected: set[str] = set()
    for name in sorted(name for name in files if name.endswith(".json") and not name.startswith(".")):
        read = _read(files[name])
        # What a card that fails describes is no second finding.
        expected |= {name, name.replace(".json", ".parquet"), name.replace(".json", ".svg")}
        if isinstance(read, Finding):
            findings.append(read)
        else:
            outputs.append(read)
            expected ^= {f"{read.card.name}.parquet", f"{read.card.name}.svg"} - {read.card.file}
    findings += [
        Finding(name, "", "is no output and has no card", f"remove it, or {_REWRITE}")
        for name in sorted(files.keys() - expected)
    ]
    known = {output.card.name: output.card.kind for output in outputs}
    findings += [
        Finding(
            output.card.name,
            "",
            f"is drawn from {output.card.drawn_from}, which is no table in this outbox",
            "emit the table with it",
        )
        for output in outputs
        if output.card.drawn_from is not None and known.get(output.card.drawn_from, "figure") == "figure"
    ]
    return outputs, findings


def _read(path: Path) -> Emitted | Finding:
    for file in (path, path.with_suffix(".parquet"), path.with_suffix(".svg")):
        if (problem := _no_file(file)) is not None:
            return Finding(file.name, "", problem, _REWRITE)
    try:
        card = read_card(path)
    except DisclosureError as error:
        return Finding(path.name, "", str(error), _REWRITE)
    problem = next(_mismatches(path, card), None)
    if problem is not None:
        return Finding(card.name, "", problem, _REWRITE)
    file = path.with_name(card.file)
    if card.kind == "figure":
        return Emitted(card, pl.DataFrame(), file.read_bytes())
    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError):
        return Finding(card.name, "", "its table can't be read", _REWRITE)
    if not is_plain(table) or parquet(table) != file.read_bytes():
        return Finding(
            card.name, "", "its file holds more than the table, or was written otherwise", _REWRITE
        )
    if parquet(rounded(table)) != file.read_bytes():
        return Finding(card.name, "", f"has fractions of more than {DIGITS} digits", _REWRITE)
    if table.column_names != list(card.columns) or table.num_rows != card.rows:
        return Finding(card.name, "", "table and card differ in columns or rows", _REWRITE)
    words = [
        name
        for name in card.having("persons", "events", "value", "time", "replicate")
        if table.schema.field(name).type == pa.string()
    ]
    if words:
        return Finding(card.name, words[0], "holds text where its card says numbers", _REWRITE)
    return Emitted(card, _frame(table))


def _mismatches(path: Path, card: Output) -> Iterator[str]:
    file = path.with_name(card.file)
    if path.stem != card.name:
        yield f"its card is called {path.name}"
    if not file.is_file():
        yield f"{card.file} is missing"
    elif digest(file) != card.digest:
        yield f"{card.file} is not what its card describes (by its digest)"


def _no_file(path: Path) -> str | None:
    """Why a file must not even be opened; None if it may, or if it is not there."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(about.st_mode):
        return "is a link to another place"
    if not stat.S_ISREG(about.st_mode):
        return "is no file"
    if about.st_size > LARGEST:
        return f"has {about.st_size:,} bytes, where {LARGEST:,} are plenty"
    return None


def _frame(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(name, table[name].to_pylist()) for name in table.column_names})
