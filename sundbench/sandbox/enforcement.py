"""What holds the limits of sandboxes here."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from sundbench.sandbox import cgroups, quota

Strength = Literal["hard", "soft", "none"]


@dataclass(frozen=True)
class Holding:
    """How firmly one limit holds.

    Attributes:
        strength: hard: the operating system's kernel holds it. soft: it can be passed for a moment or by a
            trick, and what is seen to pass it is ended. none: nothing holds it.
        mechanism: what holds it, in words.
    """

    strength: Strength
    mechanism: str

    def __str__(self) -> str:
        return f"{self.strength} ({self.mechanism})"


@dataclass(frozen=True)
class Enforcement:
    """How firmly each limit holds.

    Attributes:
        memory: of all processes together.
        processes: how many.
        cpu: share of the processors; time in all.
        file_size: of a single file.
        disk: what writable folders may hold.
    """

    memory: Holding
    processes: Holding
    cpu: Holding
    file_size: Holding
    disk: Holding

    def __str__(self) -> str:
        return "; ".join(
            f"{field.name.replace('_', ' ')}: {getattr(self, field.name)}" for field in fields(self)
        )


def available(*folders: Path) -> Enforcement:
    """What would hold the limits of a sandbox started now.

    Args:
        folders: those that it would write to.
    """
    tree = cgroups.tree()
    controllers = frozenset(tree.folders) if tree else frozenset()
    held = [folder for folder in folders if quota.possible(folder)]
    return enforcement(tree.version if tree else None, controllers, folders, held)


def enforcement(
    version: int | None, controllers: frozenset[str], folders: Collection[Path], held: Collection[Path]
) -> Enforcement:
    """Put into words what holds.

    Args:
        version: of control groups, or None without.
        controllers: of control groups.
        folders: that count against the limit on disk.
        held: those of them that a project quota holds.
    """
    groups = f"control groups, version {version}"
    memory = Holding("soft", "a limit on each process's data; the sum is watched")
    # Since Linux 5.14 a user namespace has a count of its own. Root's sandboxes share their account's.
    processes = Holding("soft", "RLIMIT_NPROC, shared by all sandboxes")
    if os.geteuid() != 0:
        processes = Holding("hard", "RLIMIT_NPROC in a user namespace of its own")
    cpu = Holding("soft", "bound to some cores; time is watched")
    if "memory" in controllers:
        memory = Holding("hard", groups)
    if "pids" in controllers:
        processes = Holding("hard", groups)
    if "cpu" in controllers:
        cpu = Holding("hard", f"{groups}; time is watched")
    disk = Holding("soft", "the size of folders is watched")
    if folders and len(held) == len(folders):
        disk = Holding("hard", "project quotas")
    return Enforcement(memory, processes, cpu, Holding("hard", "RLIMIT_FSIZE"), disk)
