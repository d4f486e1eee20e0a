"""The small Slurm itself: it runs jobs on its nodes, and nothing of it outlives who started it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundbench.slurm.small.cluster import SmallSlurm, running

STARTER = """
from sundbench.slurm.small.cluster import running
with running(nodes=1) as slurm:
    slurm.run("sbatch", "--output=/dev/null", "--wrap", "exec sleep 4321")
    while "RUNNING" not in slurm.run("squeue", "--noheader", "--format=%T"):
        pass
    print(slurm.folder, flush=True)
    input()
"""

REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=5)
except ConnectionRefusedError:
    pass  # it was reached, and nobody listens there
"""
WITH_THREE = (str(Path(sys.executable).with_name("sundbench")), "hub", "cluster", "--nodes", "3")


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
    until = time.monotonic() + 60
    while (those_with(folder) or Path(folder).exists()) and time.monotonic() < until:
        time.sleep(0.1)
    assert those_with(folder) == []
    assert not Path(folder).exists()


@pytest.fixture(scope="module")
def own(slurm: SmallSlurm) -> Iterator[SmallSlurm]:
    """A second cluster beside the shared one, to be broken."""
    with running(nodes=2) as small:
        yield small


def test_nodes_reach_each_other_and_this_machine_and_nothing_else(slurm: SmallSlurm) -> None:
    for address in (slurm.address("n2"), slurm.host_address):
        slurm.run("srun", "--nodelist=n1", "python3", "-c", REACH, address)
    with pytest.raises(subprocess.CalledProcessError) as beyond:
        slurm.run("srun", "--nodelist=n1", "python3", "-c", REACH, "192.0.2.1")
    assert "Network is unreachable" in beyond.value.stderr


def test_another_account_runs_the_installation(slurm: SmallSlurm) -> None:
    program = "import os, sundbench; print(os.getuid())"
    said = slurm.run("srun", "--uid=65534", "--gid=65534", "--chdir=/", sys.executable, "-c", program)
    assert said.strip() == "65534"


def test_clusters_side_by_side_have_jobs_of_their_own(slurm: SmallSlurm, own: SmallSlurm) -> None:
    job = own.run("sbatch", "--parsable", "--output=/dev/null", "--wrap", "sleep 60").strip()
    assert own.host_address != slurm.host_address
    assert slurm.run("squeue", "--noheader") == ""
    own.run("scancel", job)


def test_a_drained_node_takes_no_jobs(own: SmallSlurm) -> None:
    own.await_nodes()
    own.drain("n1", reason="disk")
    assert own.run("srun", "hostname").strip() == "n2"
    own.resume("n1")


def test_daemons_that_are_killed_come_back_and_jobs_go_on(own: SmallSlurm) -> None:
    job = own.run("sbatch", "--parsable", "--nodelist=n1", "--output=/dev/null", "--wrap", "sleep 60").strip()
    await_state(own, job, "RUNNING")
    for daemon in ("slurmctld", "n1", "munged"):
        own.restart(daemon)
    await_state(own, job, "RUNNING")
    own.run("scancel", job)


def test_a_node_that_crashes_takes_its_jobs_with_it(own: SmallSlurm) -> None:
    job = own.run(
        "sbatch", "--parsable", "--no-requeue", "--nodelist=n2", "--output=/dev/null", "--wrap", "sleep 4322"
    ).strip()
    await_state(own, job, "RUNNING")
    own.crash("n2")
    await_state(own, job, "NODE_FAIL")
    own.start("n2")
    own.await_nodes()


def test_a_node_crashes_though_its_processes_end_by_themselves_meanwhile(own: SmallSlurm) -> None:
    brief = "for _ in 1 2 3 4 5 6; do (while :; do /bin/true; done) & done; wait"
    options = ("--parsable", "--no-requeue", "--nodelist=n2", "--output=/dev/null")
    job = own.run("sbatch", *options, "--wrap", brief).strip()
    await_state(own, job, "RUNNING")
    own.crash("n2")
    await_state(own, job, "NODE_FAIL")
    own.start("n2")
    own.await_nodes()


def test_the_command_runs_another_with_a_cluster_and_stops_it(repository: Path) -> None:
    said = subprocess.run(
        [
            *WITH_THREE,
            "--",
            "sh",
            "-c",
            "sinfo -hN -o %N; exit 3",
        ],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout.split(), said.returncode) == (["n1", "n2", "n3"], 3), said.stderr


def test_the_command_ends_tidily_when_it_is_interrupted(repository: Path) -> None:
    command = subprocess.Popen(
        WITH_THREE,
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    folder = next(line for line in command.stdout if "SLURM_CONF" in line).split("=")[1].strip()
    command.send_signal(signal.SIGINT)
    rest = command.stdout.read()
    assert command.wait() == 0
    assert "stopped" in rest
    assert not Path(folder).exists()


def await_state(slurm: SmallSlurm, job: str, state: str) -> None:
    until = time.monotonic() + 30
    seen = ""
    while time.monotonic() < until:
        with contextlib.suppress(subprocess.CalledProcessError):
            seen = slurm.run("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}").strip()
        if seen == state:
            return
        time.sleep(0.2)
    raise AssertionError(f"job {job} is {seen}, not {state}\n{slurm.logs()}")


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
