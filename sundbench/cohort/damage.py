"""Finding the file that made a task fail."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.database import Database
from sundbench.errors import StoreError


class Reading(Protocol):
    """What a task reads: a plan of a study or of a phenotype."""

    @property
    def root(self) -> Path:
        """The extract's folder."""

    @property
    def registers(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each register that is read, with its columns."""


def explained(plan: Reading, numbers: tuple[int, ...], error: Exception) -> Exception:
    """What a failed task should say: the damaged file if one of its files is; the error itself if none is.

    The files that the task read are hashed and held against ``extract.json``.
    """
    db = Database(plan.root)
    for register, _ in plan.registers:
        for number in numbers:
            file = Bucket(plan.root, number).path(register)
            expected = db.manifest["registers"][register].get("files", {}).get(file.name)
            if not file.is_file():
                return StoreError(f"{register}/{file.name} of the extract is missing: make the extract again")
            if expected is not None and _digest(file) != expected:
                return StoreError(f"{register}/{file.name} of the extract is damaged: make the extract again")
    return error


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
