"""One bucket of an extract: about 10,000 persons with all their rows of every register."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from sundbench.cohort.scanning import opened
from sundbench.errors import StoreError, StudyError


@dataclass(frozen=True)
class Bucket:
    """A bucket's number and the folder of the extract (or freeze) that it lies in.

    It is small, compares by value and can be pickled, so that a task can be given one; nothing is read before
    a lazy frame is collected, except footers of Parquet files for names and types.

    Attributes:
        root: the folder that holds ``<register>/bucket-<number>.parquet``.
        number: the bucket's number, from 0.
    """

    root: Path
    number: int

    def path(self, register: str) -> Path:
        """Where this bucket of a register lies, whether or not the extract has it."""
        return self.root / register / f"bucket-{self.number:05d}.parquet"

    def paths(self, register: str) -> list[Path]:
        """The files of a register that are read as this bucket."""
        return [self.path(register)]

    def scan(self, register: str) -> pl.LazyFrame | None:
        """A register's rows of this bucket: ``person`` int32, then the register's own columns.

        Returns:
            A lazy frame over the Parquet file, sorted by person and date; None if the extract lacks the
            register.

        Raises:
            StoreError: the extract has the register, but this bucket's file is missing or damaged.
        """
        if not self.columns(register):
            return None
        return opened(self.paths(register))

    def columns(self, register: str) -> Mapping[str, pl.DataType]:
        """A register's columns and their types; empty if the extract lacks the register.

        Raises:
            StoreError: the extract has the register, but this bucket's file is missing or damaged.
        """
        known = self._schemas.get(register)
        if known is None:
            known = self._schemas[register] = self._schema(register)
        return known

    def has(self, register: str, *columns: str) -> bool:
        """Whether the extract has a register, with all of these columns."""
        held = self.columns(register)
        return bool(held) and all(column in held for column in columns)

    def need(self, register: str, *columns: str) -> None:
        """Refuse a study that needs columns which the extract lacks.

        Raises:
            StudyError: names the register and the columns that are missing.
        """
        held = self.columns(register)
        if not held:
            raise StudyError(f"the extract has no register {register}: the study's permit must ask for it")
        missing = [column for column in columns if column not in held]
        if missing:
            raise StudyError(
                f"the extract's register {register} lacks {', '.join(missing)}: "
                "the study's permit must ask for that"
            )

    def coverage(self, register: str) -> tuple[date, date] | None:
        """The first and last day that the extract holds of a register; None if it lacks it or doesn't say."""
        covered = self._manifest.get("registers", {}).get(register, {}).get("coverage") or {}
        since, until = covered.get("since"), covered.get("until")
        if since is None or until is None:
            return None
        return date.fromisoformat(since), date.fromisoformat(until)

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "number": self.number}

    @cached_property
    def _schemas(self) -> dict[str, Mapping[str, pl.DataType]]:
        return {}

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        path = self.root / "extract.json"
        if not path.is_file():
            return {}
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest

    def _schema(self, register: str) -> Mapping[str, pl.DataType]:
        path = self.path(register)
        if not path.parent.is_dir():
            return {}
        try:
            return pl.read_parquet_schema(path)
        except FileNotFoundError as error:
            raise StoreError(
                f"{register}/{path.name} of the extract is missing: make the extract again"
            ) from error
        except pl.exceptions.ComputeError as error:
            raise StoreError(
                f"{register}/{path.name} of the extract is damaged: make the extract again"
            ) from error
