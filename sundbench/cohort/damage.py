"""Finding the file that made a task fail."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sundbench.cohort.database import Database


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

    The bucket's files are hashed and held against ``extract.json``, those that the plan names first.
    """
    db = Database(plan.root)
    # Views also read what isn't among an event's registers, such as contacts for what moved between systems.
    registers = dict.fromkeys((*(register for register, _ in plan.registers), *db.registers))
    faults = (db.fault(register, number) for register in registers for number in numbers)
    return next((fault for fault in faults if fault is not None), error)
