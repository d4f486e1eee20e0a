"""What a sandbox uses, as /proc and the file system tell it from outside."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_FILE = 1024  # bytes, about: struct shmem_inode_info and a directory entry
_SMALLEST = 4096
"""Bytes that a file counts at least: empty ones use up the file system's inodes."""
_TICKS = os.sysconf("SC_CLK_TCK")


def processes(init: int) -> list[int]:
    """A sandbox's processes, by their ids outside: its first one and all below it.

    Orphans in a pid namespace become children of its first process, so none is missed.
    """
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - some hundred times a minute
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    out, todo = [], [init]
    while todo:
        out.append(todo.pop())
        todo += children.get(out[-1], [])
    return out


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        if fields := _stat(pid):
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / _TICKS


def memory(pids: list[int], limit: int) -> int:
    """Memory that processes hold, in bytes.

    What they share is counted once only when it matters, that is when the plain sum is over the limit: the
    exact count stops the processes for a moment.
    """
    plain = sum(_sum(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:")) for pid in pids)
    if plain <= limit:
        return plain
    return sum(_sum(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in pids)


def empty_files(init: int) -> int:
    """Memory, in bytes, that the files in a sandbox's folders in memory need beside their content."""
    total = 0
    for place in ("tmp", "dev/shm"):
        with contextlib.suppress(OSError):
            found = os.statvfs(f"/proc/{init}/root/{place}")
            total += (found.f_files - found.f_ffree) * _FILE
    return total


def disk(folder: Path) -> int:
    """Bytes on disk that a folder holds; a file with several names counts once, an empty one as 4 KiB."""
    seen: set[int] = set()
    total, todo = 0, [folder]
    while todo:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    at = entry.stat(follow_symlinks=False)
                    if at.st_ino not in seen:
                        seen.add(at.st_ino)
                        total += max(at.st_blocks * 512, _SMALLEST)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(Path(entry))
    return total


def deleted(place: str, pids: list[int]) -> int:
    """Bytes of files that processes keep open after they were deleted.

    Args:
        place: the folder that the files were in, by its path in the sandbox.
        pids: the processes.
    """
    seen: set[int] = set()
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    at = entry.stat()
                    if (
                        at.st_nlink == 0
                        and at.st_ino not in seen
                        and str(Path(entry).readlink()).startswith(f"{place}/")
                    ):
                        seen.add(at.st_ino)
                        total += at.st_blocks * 512
    return total


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third on, past the name, which may hold anything."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return None


def _sum(file: str, keys: tuple[str, ...]) -> int:
    with contextlib.suppress(OSError):
        lines = Path(file).read_text(errors="replace").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(keys))
    return 0
