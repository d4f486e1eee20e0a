"""A small Slurm on one machine: munged, slurmctld and a slurmd for each node, in a folder of its own.

    with running(nodes=2) as slurm:
        slurm.run("sbatch", "job.sh")

The programs are Debian's (slurm-wlm, munge, iproute2); whatever speaks to it needs ``slurm.environment``.
Each node has a network and a host name of its own (network.py). Slurm books cores and memory here and
enforces neither: that takes cgroups, which not every machine gives.

All of it lives in namespaces whose first process (daemons.py) holds the other end of a pipe: when this
process ends, however it ends, daemons and jobs are killed and the folder is removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from sundbench.slurm.small import configuration
from sundbench.slurm.small.network import HOST, MOST_NODES, NoNetworkError, address, interface, join_host

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare", "nsenter", "ip")
SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
"""Where daemons are, which is not in everybody's PATH."""
READY_SECONDS = 60
APART = (
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--uts"),
    *("--propagation", "slave"),
)
"""Namespaces: mounts made outside later are seen in them, their own stay inside."""

Order = Literal["start", "kill", "restart", "crash", "pull", "plug"]


class NoSlurmError(Exception):
    """Slurm can't be run here; says what is missing."""


class SmallSlurm:
    """A cluster that runs.

    Attributes:
        folder: its configuration, state and logs.
        nodes: its nodes' names.
    """

    def __init__(
        self, folder: Path, nodes: tuple[str, ...], first: subprocess.Popen[str], network: int
    ) -> None:
        self.folder = folder
        self.nodes = nodes
        self._first = first
        self._network = network

    @property
    def environment(self) -> dict[str, str]:
        """What sbatch, squeue and the rest need to find it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    @property
    def host_address(self) -> str:
        """Where nodes reach this machine."""
        return address(self._network, HOST)

    @property
    def interface(self) -> str:
        """The network interface that leads to the others, on this machine and on every node."""
        return interface(self._network)

    def address(self, node: str) -> str:
        """Where a node is reached, from this machine and from the others."""
        return address(self._network, self.nodes.index(node) + 1)

    def run(self, *command: str) -> str:
        """Run a command of Slurm's and give what it printed."""
        done = subprocess.run(
            command,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    def start(self, daemon: str) -> None:
        """Start a daemon that was killed: ``munged``, ``slurmctld`` or a node's, by the node's name."""
        self._tell("start", daemon)

    def kill(self, daemon: str) -> None:
        """Kill a daemon. A node's jobs go on without it; slurmctld forgets its last seconds."""
        self._tell("kill", daemon)

    def restart(self, daemon: str) -> None:
        """End a daemon tidily and start it again."""
        self._tell("restart", daemon)

    def crash(self, node: str) -> None:
        """End a node with all that runs on it, and let Slurm know at once. ``start`` brings it back."""
        self._tell("crash", node)
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=crashed")

    def pull(self, node: str) -> None:
        """Pull a node's network cable: all on it goes on, and reaches nobody."""
        self._tell("pull", node)

    def plug(self, node: str) -> None:
        """Put a node's network cable back."""
        self._tell("plug", node)

    def drain(self, node: str, reason: str = "drained") -> None:
        """Let no new jobs start on a node."""
        self.run("scontrol", "update", f"nodename={node}", "state=drain", f"reason={reason}")

    def resume(self, node: str) -> None:
        """Let jobs start again on a node that was drained; one that crashed is back when it is started."""
        self.run("scontrol", "update", f"nodename={node}", "state=resume")

    def await_nodes(self) -> None:
        """Wait until every node is idle.

        Raises:
            NoSlurmError: they aren't within a minute.
        """
        until = time.monotonic() + READY_SECONDS
        seen = ""
        while time.monotonic() < until and self._first.poll() is None:
            try:
                seen = self.run("sinfo", "--noheader", "--Node", "--format=%T")
            except subprocess.CalledProcessError as error:
                seen = str(error.stderr)
            if seen.split() == ["idle"] * len(self.nodes):
                return
            time.sleep(0.2)
        raise NoSlurmError(f"the small Slurm is not ready; sinfo says {seen.strip()!r}\n{self.logs()}")

    def logs(self) -> str:
        """The last lines of every daemon's log."""
        tails = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-8:]
            tails.append("\n".join([f"== {log.name}", *lines]))
        return "\n".join(tails)

    def _tell(self, order: Order, name: str) -> None:
        if name not in (*self.nodes, "munged", "slurmctld"):
            raise ValueError(f"no daemon and no node is called {name}")
        _say(self._first, f"{order} {name}")
        _answer(self._first)


def missing() -> str | None:
    """What a small Slurm lacks on this machine; None if nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if absent:
        return f"no {', '.join(absent)}: install Debian's slurm-wlm, munge and iproute2 (make system)"
    if os.geteuid() != 0:
        return "Slurm's daemons start jobs as other users: run as root"
    bridge = ["ip", "link", "add", "switch", "type", "bridge"]
    tried = subprocess.run([*APART, *bridge], check=False, capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no namespaces with a switch: {tried.stderr.strip()}"


@contextmanager
def running(nodes: int = 2, cores: int = 1, memory_mib: int = 4000) -> Iterator[SmallSlurm]:
    """Start a cluster, and stop it with its jobs. Several may run at once.

    Args:
        nodes: how many; they are called n1, n2 and so on, in the partition ``PARTITION``.
        cores: of a node.
        memory_mib: of a node.

    Raises:
        NoSlurmError: something is missing, or the nodes didn't come up (with the daemons' last words).
    """
    if not 1 <= nodes <= MOST_NODES:
        raise NoSlurmError(f"{nodes} nodes: from 1 to {MOST_NODES}")
    if lacking := missing():
        raise NoSlurmError(lacking)
    names = tuple(f"n{number}" for number in range(1, nodes + 1))
    # A short path, for sockets, and one that `munge` may enter.
    folder = Path(tempfile.mkdtemp(prefix="sb-slurm-"))
    with ExitStack() as started:
        started.callback(shutil.rmtree, folder, ignore_errors=True)
        first = subprocess.Popen(
            [*APART, sys.executable, "-P", "-m", "sundbench.slurm.small.daemons", str(folder), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=started.enter_context((folder / "daemons.log").open("wb")),
            env=os.environ | {"PATH": SYSTEM_PATH, "SLURM_CONF": str(folder / "slurm.conf")},
            start_new_session=True,  # Ctrl-C is for this process, which closes the pipe
            text=True,
        )
        started.callback(first.wait, timeout=30)
        assert first.stdin is not None  # noqa: S101 - for the type checker
        started.callback(first.stdin.close)
        _answer(first)
        try:
            network = join_host(first.pid)
        except NoNetworkError as error:
            raise NoSlurmError(f"no network for the nodes: {error}") from error
        configuration.write(folder, network, names, cores, memory_mib)
        _say(first, str(network))
        _answer(first)
        slurm = SmallSlurm(folder, names, first, network)
        slurm.await_nodes()
        yield slurm


def _say(first: subprocess.Popen[str], line: str) -> None:
    assert first.stdin is not None  # noqa: S101
    first.stdin.write(f"{line}\n")
    first.stdin.flush()


def _answer(first: subprocess.Popen[str]) -> None:
    assert first.stdout is not None  # noqa: S101
    said = first.stdout.readline()
    if said not in ("\n", "here\n"):
        raise NoSlurmError(f"the cluster's first process: {said.strip() or 'it ended'}")
