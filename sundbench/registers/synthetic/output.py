"""The delivery's files: how each register is spelled, and the bytes that a chunk adds to each file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from sundbench.registers.catalogue import catalogue
from sundbench.registers.synthetic.plan import Plan

Case = Literal["lower", "upper", "by year", "title"]


@dataclass(frozen=True)
class Format:
    """How one register's files are spelled.

    Attributes:
        yearly: one file a year, or one in all.
        separator: between fields.
        decimal_comma: whether numbers have a comma.
        latin1: Latin-1, else UTF-8.
        case: of the column names.
        container: csv, csv.gz or parquet.
    """

    yearly: bool = True
    separator: str = ","
    decimal_comma: bool = False
    latin1: bool = False
    case: Case = "lower"
    container: Literal["csv", "csv.gz", "parquet"] = "csv"


FORMATS: dict[str, Format] = {
    "bef": Format(case="by year"),
    "dod": Format(yearly=False),
    "vnds": Format(yearly=False, separator=";", case="upper"),
    "lmdb": Format(case="by year"),
    "lpr_adm": Format(case="by year"),
    "lpr_diag": Format(case="by year"),
    "lpr_sksopr": Format(case="upper"),
    "lpr_sksube": Format(case="upper"),
    "lpr3a_kontakt": Format(),
    "lpr3a_diagnose": Format(),
    "lpr3a_procregistrering": Format(),
    "lpr3f_kontakter": Format(separator=";", latin1=True, case="title"),
    "lpr3f_diagnoser": Format(separator=";", latin1=True, case="title"),
    "t_psyk_adm": Format(yearly=False, container="csv.gz", case="upper"),
    "t_psyk_diag": Format(yearly=False, container="csv.gz", case="upper"),
    "drgsoma_hel": Format(separator=";", decimal_comma=True, case="upper"),
    "drgsoma_amb": Format(separator=";", decimal_comma=True, case="upper"),
    "drgsoma_kontakt": Format(separator=";", decimal_comma=True),
    "drg_forloeb": Format(separator=";", decimal_comma=True),
    "smr": Format(separator=";", decimal_comma=True, latin1=True, case="upper"),
    "sysi": Format(case="upper"),
    "sssy": Format(),
    "lab_forsker": Format(yearly=False, container="parquet"),
    "dodsaars": Format(yearly=False, case="upper"),
    "dodsaasg": Format(yearly=False, case="upper"),
    "dodsaarsager": Format(yearly=False),
    "cancer": Format(yearly=False, separator=";", latin1=True, case="upper"),
    "udda": Format(case="by year"),
    "faik": Format(case="by year"),
}


@dataclass(frozen=True, order=True)
class FileKey:
    """One file of the delivery: a register, and the year if it has one file a year."""

    register: str
    year: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        form = FORMATS[self.register]
        stem = self.register if self.year is None else f"{self.register}{self.year}"
        upper = form.case == "upper" or (form.case == "by year" and (self.year or 0) % 2 == 1)
        return f"{stem.upper() if upper else stem}.{form.container}"

    def header(self, columns: list[str]) -> list[str]:
        """The columns as this file spells them."""
        match FORMATS[self.register].case:
            case "upper":
                return [column.upper() for column in columns]
            case "title":
                return [column.capitalize() for column in columns]
            case "by year" if (self.year or 0) % 2 == 1:
                return [column.upper() for column in columns]
            case _:
                return columns


@dataclass
class Output:
    """What one chunk writes.

    Attributes:
        plan: the synthesis.
        segments: bytes to append to each CSV file, without header.
        frames: rows for the Parquet files.
        columns: each register's columns.
        rows: how many rows each register got.
    """

    plan: Plan
    segments: dict[FileKey, list[bytes]] = field(default_factory=dict)
    frames: dict[FileKey, list[pl.DataFrame]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, register: str, frame: pl.DataFrame, year: np.ndarray[Any, Any]) -> None:
        """Add rows of a register.

        Args:
            register: its name.
            frame: the rows, by file year.
            year: each row's file year, ascending. Of registers with a file a year, years outside the
                register's coverage are left out. A register that covers none of the years gets no file.
        """
        entry = catalogue()[register]
        form = FORMATS[register]
        until = entry.coverage.until
        low = max(self.plan.first, entry.coverage.since.year)
        high = min(self.plan.last, until.year if until is not None else self.plan.last)
        if low > high:
            return
        self.columns.setdefault(register, frame.columns)
        if not form.yearly:
            self.rows[register] = self.rows.get(register, 0) + len(frame)
            self._append(FileKey(register), frame)
            return
        begin, end = np.searchsorted(year, [low, high + 1])
        frame, year = frame[int(begin) : int(end)], year[begin:end]
        self.rows[register] = self.rows.get(register, 0) + len(frame)
        cuts = np.searchsorted(year, np.arange(low, high + 2))
        for place, calendar in enumerate(range(low, high + 1)):
            self._append(FileKey(register, calendar), frame[int(cuts[place]) : int(cuts[place + 1])])

    def _append(self, key: FileKey, frame: pl.DataFrame) -> None:
        form = FORMATS[key.register]
        if form.container == "parquet":
            self.frames.setdefault(key, []).append(frame)
            return
        parts = self.segments.setdefault(key, [])
        if len(frame):
            buffer = io.BytesIO()
            frame.write_csv(
                buffer,
                include_header=False,
                separator=form.separator,
                decimal_comma=form.decimal_comma,
                quote_style="never",
            )
            data = buffer.getvalue()
            parts.append(data.decode().encode("latin-1") if form.latin1 else data)

    def add_raw(self, key: FileKey, lines: list[str]) -> None:
        """Add lines as they stand to a CSV file: rows that a reader must refuse."""
        form = FORMATS[key.register]
        data = "".join(f"{line}\n" for line in lines).encode("latin-1" if form.latin1 else "utf-8")
        self.segments.setdefault(key, []).append(data)
