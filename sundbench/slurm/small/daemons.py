"""The first process of a small cluster's namespaces: starts the daemons, ends everything when its input ends.

``python -m sundbench.slurm.small.daemons FOLDER NODE...`` in namespaces of processes, mounts, network and
name. It says ``here``; it is told its network, and then what to do, a line each: ``start``, ``kill``,
``restart``, ``crash``, ``pull`` or ``plug``, and whom. Each line is answered by one, empty where nothing was
wrong.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sundbench.slurm.small import network
from sundbench.slurm.small.configuration import CONTROLLER_NAME
from sundbench.slurm.small.installation import show

_READY = 10.0  # seconds that munged has to listen


class Daemons:
    """A cluster's daemons, by the names munged, slurmctld and the nodes'."""

    def __init__(self, folder: Path, nodes: list[str], net: int) -> None:
        """Make the network and the nodes' namespaces; no daemon runs yet."""
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        network.make_switch(net)
        self._nodes = {node: _namespaces(node) for node in nodes}
        for number, (node, holder) in enumerate(self._nodes.items(), 1):
            network.join_node(net, node, number, holder)

    def begin(self) -> None:
        """Start all of them."""
        self.start("munged")
        until = time.monotonic() + _READY
        while not (self._folder / "munge/socket").exists() and time.monotonic() < until:
            time.sleep(0.02)
        for name in ("slurmctld", *self._nodes):
            self.start(name)

    def start(self, name: str) -> None:
        """Start a daemon, where it doesn't run."""
        if name in self._running and self._running[name].poll() is None:
            return
        whom: dict[str, Any] = {}
        if name == "munged":
            munge = self._folder / "munge"
            places = [f"--{what}={munge / what}" for what in ("socket", "pid-file", "log-file", "seed-file")]
            command = ["munged", "--foreground", "--force", f"--key-file={munge / 'key'}", *places]
            whom = {"user": "munge", "group": "munge", "extra_groups": []}
        elif name == "slurmctld":
            command = ["slurmctld", "-D"]
        else:
            holder = f"/proc/{self._nodes[name]}/ns"
            command = ["nsenter", f"--net={holder}/net", f"--uts={holder}/uts", "slurmd", "-D", "-N", name]
        with (self._folder / f"{name}.out").open("ab") as said:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **whom
            )

    def kill(self, name: str) -> None:
        """Kill a daemon; a node's jobs go on."""
        self._running[name].kill()
        self._running[name].wait()

    def restart(self, name: str) -> None:
        """End a daemon tidily, as for an upgrade, and start it again."""
        self._running[name].terminate()
        self._running[name].wait()
        self.start(name)

    def crash(self, name: str) -> None:
        """Kill everything that runs on a node, before any of it can tell of the others' end."""
        network.plug(name, pulled=True)
        while found := list(self._on(name)):
            for process in found:
                with suppress(ProcessLookupError):  # it ended by itself
                    os.kill(process, signal.SIGKILL)
            self.bury()
        self._running[name].wait()
        network.plug(name, pulled=False)

    def pull(self, name: str) -> None:
        """Pull a node's cable."""
        network.plug(name, pulled=True)

    def plug(self, name: str) -> None:
        """Put a node's cable back."""
        network.plug(name, pulled=False)

    def bury(self) -> None:
        """Take leave of what jobs left behind, whose parent the first process becomes."""
        daemons = {one.pid for one in self._running.values()}
        for process in _processes():
            if process not in daemons and _zombie(process):
                with suppress(ChildProcessError):  # another's child
                    os.waitpid(process, os.WNOHANG)
        for one in self._running.values():
            one.poll()

    def _on(self, node: str) -> Iterator[int]:
        """What runs on a node, but the process that its namespaces hang on."""
        holder = self._nodes[node]
        here = Path(f"/proc/{holder}/ns/net").readlink()
        for process in _processes():
            try:
                if process != holder and Path(f"/proc/{process}/ns/net").readlink() == here:
                    yield process
            except OSError:
                continue


def _namespaces(node: str) -> int:
    """Make a node's network and host name; the process that they hang on."""
    holder = subprocess.Popen(
        ["unshare", "--net", "--uts", "sh", "-c", f"hostname {node} && echo made && exec sleep infinity"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    if holder.stdout is None or holder.stdout.readline() != b"made\n":
        raise network.NoNetworkError("unshare --net: refused")
    return holder.pid


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal() and path.name != "1"]


def _zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def main(folder: Path, nodes: list[str]) -> None:
    """Run the cluster until the input ends."""
    socket.sethostname(CONTROLLER_NAME)
    show()
    print("here", flush=True)
    try:
        daemons = Daemons(folder, nodes, int(sys.stdin.readline()))
        daemons.begin()
        print(flush=True)
        while True:
            if not select.select([sys.stdin], [], [], 1)[0]:
                daemons.bury()
                continue
            line = sys.stdin.readline()
            if not line:
                break
            order, name = line.split()
            getattr(daemons, order)(name)
            print(flush=True)
    except (network.NoNetworkError, OSError, subprocess.SubprocessError) as error:
        print(" ".join(str(error).split()), flush=True)
    finally:
        os.kill(-1, signal.SIGKILL)  # everything in the namespace but this process
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
