"""Control groups: the kernel's own limits on a sandbox's processes, in either version.

Version 1 has a tree for each controller and gives them to root; version 2 has one tree, of which systemd
gives a part to a service with ``Delegate=yes`` and to a user's own services (kernel: Documentation/
admin-guide/cgroup-v1 and cgroup-v2.rst; systemd: CGROUP_DELEGATION).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sundbench.sandbox.policy import Limits

_PERIOD = 100_000  # microseconds, over which a share of the processors is counted
_PREFIX = "sundbench-"
_OWN = "sundbench-own"  # where processes of a delegated tree go: only leaves may have processes and limits


class Group:
    """One sandbox's control group: a folder a controller in version 1, one folder in version 2.

    Attributes:
        version: 1 or 2.
        controllers: what is limited: among memory, pids, cpu.
    """

    def __init__(self, version: int, folders: dict[str, Path]) -> None:
        self.version = version
        self._folders = folders
        self.controllers = frozenset(folders)

    def limit(self, limits: Limits) -> None:
        """Write the limits.

        Raises:
            OSError: when the kernel refuses one.
        """
        memory, pids, cpu = (self._folders.get(name) for name in ("memory", "pids", "cpu"))
        quota = str(max(1000, round(limits.cores * _PERIOD)))
        if memory:
            size = str(int(limits.memory))
            if self.version == 1:
                (memory / "memory.limit_in_bytes").write_text(size)
                _if_there(memory / "memory.memsw.limit_in_bytes", size)
            else:
                (memory / "memory.max").write_text(size)
                _if_there(memory / "memory.swap.max", "0")
        if pids:
            (pids / "pids.max").write_text(str(limits.processes + 1))  # bubblewrap's first process is one
        if cpu and self.version == 1:
            (cpu / "cpu.cfs_period_us").write_text(str(_PERIOD))
            # Refused when a group above allows less: that one then holds.
            with contextlib.suppress(OSError):
                (cpu / "cpu.cfs_quota_us").write_text(quota)
        elif cpu:
            (cpu / "cpu.max").write_text(f"{quota} {_PERIOD}")

    def join(self, pid: int) -> None:
        """Put a process in; what it starts from now on is in too."""
        for folder in set(self._folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def killed_for_memory(self) -> bool:
        """Whether the kernel has killed a process that went over the limit on memory."""
        file = "memory.oom_control" if self.version == 1 else "memory.events"
        return self._count("memory", file, "oom_kill") > 0

    def refused_processes(self) -> bool:
        """Whether the kernel has refused to start a process."""
        return self._count("pids", "pids.events", "max") > 0

    def cpu_seconds(self) -> float | None:
        """Processor time that the group's processes have used; None where it isn't counted."""
        if self.version == 2:
            return self._count("cpu", "cpu.stat", "usage_usec") / 1e6 if "cpu" in self._folders else None
        if folder := self._folders.get("cpuacct"):
            with contextlib.suppress(OSError):
                return int((folder / "cpuacct.usage").read_text()) / 1e9
        return None

    def remove(self) -> None:
        """Remove the group, whose processes have ended or are about to."""
        for folder in set(self._folders.values()):
            for _ in range(100):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # processes are still leaving
                    time.sleep(0.02)
                else:
                    break

    def _count(self, controller: str, file: str, key: str) -> int:
        if folder := self._folders.get(controller):
            with contextlib.suppress(OSError):
                for line in (folder / file).read_text().splitlines():
                    name, _, value = line.partition(" ")
                    if name == key:
                        return int(value)
        return 0


@dataclass(frozen=True)
class Tree:
    """Where this process may make control groups.

    Attributes:
        version: 1 or 2.
        folders: the folder above those of sandboxes, by controller.
    """

    version: int
    folders: dict[str, Path]

    def make(self, limits: Limits) -> Group:
        """Make a group with limits.

        Raises:
            OSError: when that is refused; nothing is left behind.
        """
        if self.version == 2:
            _prepare(self.folders["memory"], frozenset(self.folders))
        for parent in set(self.folders.values()):
            _sweep(parent)
        name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        group = Group(
            self.version, {controller: parent / name for controller, parent in self.folders.items()}
        )
        try:
            for folder in {parent / name for parent in self.folders.values()}:
                folder.mkdir()
            group.limit(limits)
        except OSError:
            group.remove()
            raise
        return group


def tree(proc: Path = Path("/proc/self")) -> Tree | None:
    """Where this process may make control groups that limit at least memory and processes, if anywhere.

    Args:
        proc: the process's folder in /proc.
    """
    own = dict(_own(proc))
    places = [place for place in _places(proc, own) if os.access(place[1], os.W_OK | os.X_OK)]
    version_2 = next((folder for controller, folder in places if controller == ""), None)
    if version_2 and (found := _delegated(version_2)):
        return found
    folders = {c: f for c, f in places if c in {"memory", "pids", "cpu", "cpuacct"}}
    return Tree(1, folders) if {"memory", "pids"} <= set(folders) else None


def _own(proc: Path) -> list[tuple[str, str]]:
    """This process's group by controller; "" for version 2's."""
    out = []
    with contextlib.suppress(OSError):
        for line in (proc / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            out += [(controller, path) for controller in controllers.split(",")]
    return out


def _places(proc: Path, own: dict[str, str]) -> list[tuple[str, Path]]:
    """The folder of this process's group by controller, as it is mounted here."""
    out = []
    with contextlib.suppress(OSError):
        for line in (proc / "mountinfo").read_text().splitlines():
            before, _, after = line.partition(" - ")
            _, _, _, root, point, *_ = before.split(" ")
            kind, _, options = after.split(" ", 2)
            controllers = {"cgroup": options.split(","), "cgroup2": [""]}.get(kind, [])
            for controller in controllers:
                path = PurePosixPath(own.get(controller, "/.."))
                if ".." not in path.parts and path.is_relative_to(root):
                    out.append((controller, Path(point) / path.relative_to(root)))
    return out


def _delegated(own: Path) -> Tree | None:
    """The part of version 2's tree that is ours to divide: our own group, or the one above if given to us."""
    candidates = [own]
    if own.name == _OWN or _marked(own.parent):
        candidates.insert(0, own.parent)
    for folder in candidates:
        writable = all(
            os.access(folder / file, os.W_OK) for file in ("", "cgroup.procs", "cgroup.subtree_control")
        )
        if writable:
            there = set((folder / "cgroup.controllers").read_text().split()) & {"memory", "pids", "cpu"}
            if {"memory", "pids"} <= there:
                return Tree(2, dict.fromkeys(sorted(there), folder))
    return None


def _marked(folder: Path) -> bool:
    """Whether systemd has marked a group as delegated."""
    for name in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _prepare(folder: Path, controllers: frozenset[str]) -> None:
    """Let groups below a folder of version 2 have limits: its own processes must first move into a leaf."""
    control = folder / "cgroup.subtree_control"
    if controllers <= set(control.read_text().split()):
        return
    if (folder / "cgroup.type").exists():  # all but the root of the whole tree
        leaf = folder / _OWN
        leaf.mkdir(exist_ok=True)
        for _ in range(20):  # processes may start others meanwhile
            pids = (folder / "cgroup.procs").read_text().split()
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (leaf / "cgroup.procs").write_text(pid)
    control.write_text(" ".join(f"+{controller}" for controller in sorted(controllers)))


def _sweep(parent: Path) -> None:
    """Remove groups whose maker was killed: they are empty, since sandboxes die with their maker."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        maker = folder.name.removeprefix(_PREFIX).split("-")[0]
        if maker.isdigit() and not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _if_there(file: Path, text: str) -> None:
    """Write to a file of the kernel's that not every machine has."""
    if file.exists():
        file.write_text(text)
