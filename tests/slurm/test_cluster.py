"""The small Slurm itself: it runs jobs on its nodes, and nothing of it outlives who started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.slurm.cluster import SmallSlurm

STARTER = """
from tests.slurm.cluster import running
with running(nodes=1) as slurm:
    slurm.run("sbatch", "--output=/dev/null", "--wrap", "exec sleep 4321")
    while "RUNNING" not in slurm.run("squeue", "--noheader", "--format=%T"):
        pass
    print(slurm.folder, flush=True)
    input()
"""


def test_every_node_runs_a_job(slurm: SmallSlurm) -> None:
    for node in slurm.nodes:
        said = slurm.run("srun", f"--nodelist={node}", "printenv", "SLURMD_NODENAME")
        assert said.strip() == node


def test_nothing_is_left_when_who_started_it_is_killed(slurm: SmallSlurm, repository: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    folder = starter.stdout.readline().strip()
    assert len(those_with(folder)) >= 3
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    until = time.monotonic() + 20
    while those_with(folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert those_with(folder) == []
    assert not Path(folder).exists()


def those_with(folder: str) -> list[str]:
    """The programs that were started for the cluster in this folder: daemons, job steps and jobs."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if folder.encode() in environment and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found
