"""The extract that a notebook was given."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sundbench.cohort import overview
from sundbench.cohort.bucket import Bucket
from sundbench.errors import StoreError, StudyError
from sundbench.registers.catalogue import catalogue

if TYPE_CHECKING:
    import pandas as pd

    from sundbench.cohort.register import RegisterFrame

VARIABLE = "SUNDBENCH_EXTRACT"
"""The environment variable that tells a kernel where its extract is."""


def connect(path: str | os.PathLike[str] | None = None) -> Database:
    """Open the extract that this notebook was given; in a project's kernels no argument is needed.

    Example:
        >>> import sundbench as sb
        >>> db = sb.connect()
        >>> db                          # permit, persons, period and registers
        >>> db["lmdb"].describe()       # what a register holds, column by column
        >>> db["lmdb"].head()           # a Dask dataframe
        >>> db["lmdb"].lazy()           # the same as a lazy Polars frame

    Args:
        path: its folder; where nothing is said, the one that ``SUNDBENCH_EXTRACT`` names, which kernels and
            runs are given.

    Raises:
        StudyError: no path given and none in the environment, or no extract there.
        StoreError: its ``extract.json`` is damaged.
    """
    given = os.fspath(path) if path is not None else os.environ.get(VARIABLE)
    if not given:
        raise StudyError(
            f"connect(): which extract? {VARIABLE} is not set: start the notebook in its project, or give "
            "the extract's folder: sb.connect('extracts/<permit>/<freeze>')"
        )
    root = Path(given)
    if not (root / "extract.json").is_file():
        raise StudyError(f"connect(): {root} is no extract: there is no extract.json in it")
    return Database(root)


@dataclass(frozen=True, repr=False)
class Database:
    """An extract: registers cut in buckets of persons.

    ``db["lmdb"]`` is a register (press Tab between the quotation marks for their names), ``db.registers``
    lists them, ``db.lazy("lmdb")`` reads one with Polars, and a `sundbench.Study` is collected over them all.

    Attributes:
        root: its folder.
    """

    root: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """``extract.json``: permit, freeze, digests, registers with columns, rows and coverage.

        Raises:
            StoreError: it is damaged.
        """
        path = self.root / "extract.json"
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            whole = isinstance(manifest["registers"], dict) and int(manifest["buckets"]) >= 1
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: damaged: make the extract again") from error
        if not whole:
            raise StoreError(f"{path}: damaged: make the extract again")
        return manifest

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers that the permit gives, by name."""
        return tuple(sorted(self.manifest["registers"]))

    @property
    def buckets(self) -> list[int]:
        """The buckets' numbers."""
        return list(range(int(self.manifest["buckets"])))

    @property
    def digest(self) -> str:
        """The digest over all the extract's files."""
        return str(self.manifest["digest"])

    def bucket(self, number: int) -> Bucket:
        """One bucket of all registers.

        Raises:
            StudyError: there is no such bucket.
        """
        if number not in range(int(self.manifest["buckets"])):
            raise StudyError(f"bucket {number}: the extract has {self.manifest['buckets']}, numbered from 0")
        return Bucket(self.root, number)

    def columns(self, register: str) -> tuple[str, ...]:
        """A register's columns.

        Raises:
            StudyError: the extract lacks the register.
        """
        return tuple(self.manifest["registers"][self.name(register)]["columns"])

    def coverage(self, register: str) -> tuple[date, date] | None:
        """The first and last day that the extract holds of a register; None where it doesn't say."""
        covered = self.manifest["registers"][self.name(register)].get("coverage") or {}
        if not covered.get("since") or not covered.get("until"):
            return None
        return date.fromisoformat(covered["since"]), date.fromisoformat(covered["until"])

    def date_column(self, register: str) -> str | None:
        """The column that dates a register's rows; None where it has none or the permit doesn't give it."""
        name = self.name(register)
        dated = catalogue().date_column(name) if name in catalogue() else None
        return dated if dated in self.columns(name) else None

    def files(self, register: str) -> list[Path]:
        """A register's files, one a bucket.

        Raises:
            StudyError: the extract lacks the register.
            StoreError: a file is missing.
        """
        name = self.name(register)
        files = [Bucket(self.root, number).path(name) for number in self.buckets]
        for file in files:
            if not file.is_file():
                raise StoreError(f"{name}/{file.name} of the extract is missing: make the extract again")
        return files

    def verify(self) -> None:
        """Hold all files against the digests in ``extract.json``.

        What is collected notices files that can't be read. A file that was exchanged for another can be: this
        reads and hashes everything, and takes its time.

        Raises:
            StoreError: names the first file that is missing or isn't as it was written.
        """
        for register in self.registers:
            for number in self.buckets:
                fault = self.fault(register, number)
                if fault is not None:
                    raise fault

    def fault(self, register: str, number: int) -> StoreError | None:
        """What is wrong with a file of a register: it is missing, or isn't as it was written."""
        file = Bucket(self.root, number).path(register)
        where = f"{register}/{file.name} of the extract"
        if not file.is_file():
            return StoreError(f"{where} is missing: make the extract again")
        expected = self.manifest["registers"][register].get("files", {}).get(file.name)
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if expected in (None, found):
            return None
        return StoreError(f"{where} is damaged: make the extract again")

    def lazy(self, register: str) -> pl.LazyFrame:
        """A register as one lazy Polars frame, for what the words of studies can't say.

        Raises:
            StudyError: the extract lacks the register.
            StoreError: a file is missing.
        """
        return pl.scan_parquet(self.files(register), glob=False)

    def __getitem__(self, register: str) -> RegisterFrame:
        """A register as a Dask dataframe, one partition a bucket; each person is in one partition.

        ``.describe()`` tells what it holds, ``.lazy()`` gives it as a Polars frame.

        Raises:
            StudyError: the extract lacks the register.
            StoreError: a file is missing.
        """
        import dask.dataframe as dd

        from sundbench.cohort.register import RegisterFrame

        files = self.files(register)
        empty = _partition(files[0]).iloc[:0]
        frame = dd.from_map(_partition, files, meta=empty)  # type: ignore[no-untyped-call]
        return RegisterFrame(frame, self, self.name(register))

    def __iter__(self) -> Iterator[str]:
        return iter(self.registers)

    def __contains__(self, register: object) -> bool:
        entry = catalogue().resolve(register) if isinstance(register, str) else None
        return (entry.name if entry is not None else register) in self.manifest["registers"]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.registers)

    def __repr__(self) -> str:
        try:
            return overview.text(self.manifest)
        except StoreError:  # whoever looks at a damaged extract must be able to see where it is
            return f"Database({str(self.root)!r}): damaged: make the extract again"

    def _repr_html_(self) -> str | None:
        try:
            return overview.html(self.manifest)
        except StoreError:
            return None

    def name(self, register: str) -> str:
        """The extract's name for a register, given its name or an alias in any case.

        Raises:
            StudyError: the extract lacks it; the message lists those there are.
        """
        entry = catalogue().resolve(register)
        own = entry.name if entry is not None else register.strip().lower()
        if own not in self.manifest["registers"]:
            what = "the permit doesn't give it" if entry is not None else "no register has that name"
            raise StudyError(f"register {register}: {what}: the extract has {', '.join(self.registers)}")
        return own


def _partition(file: Path) -> pd.DataFrame:
    """One bucket of a register as a pandas frame."""
    return pl.read_parquet(file, glob=False).to_pandas()
