"""The first process of a small Slurm's namespace: starts the daemons, ends everything when its input ends.

Called by cluster.py as ``daemons.py FOLDER NODE...`` with the standard library alone.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main(folder: Path, nodes: list[str]) -> None:
    munge = folder / "munge"
    authentication = [f"--{what}={munge / what}" for what in ("socket", "pid-file", "log-file", "seed-file")]
    start(
        folder / "munged.log",
        ["munged", "--foreground", f"--key-file={munge / 'key'}", *authentication],
        user="munge",
        group="munge",
        extra_groups=[],
    )
    until = time.monotonic() + 10
    while not (munge / "socket").exists() and time.monotonic() < until:
        time.sleep(0.05)
    start(folder / "slurmctld.out", ["slurmctld", "-D"])
    for node in nodes:
        start(folder / f"{node}.out", ["slurmd", "-D", "-N", node])
    while not select.select([sys.stdin], [], [], 1)[0]:
        bury()
    os.kill(-1, signal.SIGKILL)  # everything in the namespace but this process
    shutil.rmtree(folder, ignore_errors=True)


def start(log: Path, command: list[str], **as_whom: Any) -> None:
    with log.open("wb") as said:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **as_whom)


def bury() -> None:
    """Take leave of the dead: daemons, and what jobs left behind, whose parent the first process becomes."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
