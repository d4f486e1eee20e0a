"""A hard limit on a process's memory: a control group where root may make one, else the address space.

A control group (v1 or v2) counts what is resident, page cache included (which the kernel gives back first),
and kills the process that needs more. Without one ``RLIMIT_AS`` is all there is: it counts reserved addresses
too, so that programs fail earlier than they must.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MIB = 1 << 20


def _own_group() -> tuple[Path, str] | None:
    """This process's group that limits memory, and the name of the file that does."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return MOUNT / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
        group = MOUNT / path.lstrip("/")
        if not controllers and (group / "memory.max").exists():
            return group, "memory.max"
    return None


@contextmanager
def limited(mib: int) -> Iterator[tuple[Callable[[], None], str]]:
    """Give a function for ``preexec_fn`` that puts a child under the limit, and the kind of limit it is."""
    group = None
    found = _own_group()
    if found is not None:
        parent, file = found
        candidate = parent / f"sundbench-bench-{os.getpid()}"
        try:
            candidate.mkdir()
            (candidate / file).write_text(str(mib * MIB))
            group = candidate
        except OSError:
            if candidate.is_dir():
                candidate.rmdir()
    if group is None:
        yield lambda: resource.setrlimit(resource.RLIMIT_AS, (mib * MIB, mib * MIB)), "RLIMIT_AS"
        return
    procs = str(group / "cgroup.procs")

    def enter() -> None:
        with open(procs, "w") as file:  # noqa: PTH123 - in a forked child: as little as possible
            file.write(str(os.getpid()))

    try:
        yield enter, "control group"
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove the group once its last process has gone."""
    for _ in range(50):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"{group} still holds processes")
