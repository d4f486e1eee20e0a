"""Runs over several nodes of a real Slurm: threads' digests, whatever happens to workers, behind a fence."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from sundbench.errors import ReleaseError
from sundbench.release import order
from sundbench.release.cluster import awaiting, left, papers
from sundbench.release.cluster.fence import fenced
from sundbench.release.cluster.letter import Resources, Ticket
from sundbench.release.cluster.submitting import submit
from sundbench.release.study import StudyFolder
from sundbench.slurm.small.cluster import SmallSlurm, running
from tests.release.projects import Project

sys.path.append(str(Path(__file__).parents[2] / "cohort"))

TWO = Resources(cores=1, memory="2 GiB", minutes=60, workers=2)
COHORT = """
import pandas as pd, sundbench as sb
study = sb.Study(
    sb.new_users({"statin": sb.dispensing("C10AA"), "ppi": sb.dispensing("A02BC")}, washout_days=731),
    entry=("2008-01-01", "2014-12-31"),
    covariates={"age": sb.age(), "sex": sb.sex()},
    outcomes={"death": sb.death()},
    follow_up=sb.follow_up(until=[sb.death()], max_days=1826),
)
cohort = study.collect(sb.connect())
print(cohort.digest)
"""
SLOWLY = """
import time
from sundbench.cohort import engine
at_once = engine.bucket_task
def slowly(plan, numbers):
    time.sleep(2)
    return at_once(plan, numbers)
engine.bucket_task = slowly
"""
PROBE = """
import json, os, socket, sys
from distributed import get_client
def probe(elsewhere):
    def reached(host, port):
        try:
            socket.create_connection((host, port), timeout=3).close()
            return True
        except OSError:
            return False
    def answered(path):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(path)
                return True
            except OSError:
                return False
    def resolved(name):
        try:
            return bool(socket.getaddrinfo(name, 443))
        except OSError:
            return False
    ours = {"key.pem", "certificate.pem", "authority.pem", "letter.json", "ticket.json"}
    found = []
    for at, folders, names in os.walk("/"):
        folders[:] = [name for name in folders
                      if os.path.join(at, name) not in ("/proc", "/usr", sys.prefix, sys.base_prefix)]
        found += [os.path.join(at, name) for name in names if name in ours or name.endswith(".sock")]
    return {
        "reached": [where for where in elsewhere if reached(*where)],
        "others of the run": [reached(f"127.0.1.{n}", 8786) for n in (0, 1, 2)],
        "no member": reached("127.0.1.3", 8786),
        "sockets": sorted(os.listdir("/run/net")),
        "resolved": resolved("example.org"),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "keys": found,
        "written": [path for path in ("/data", "/study", "/run/net") if os.access(path, os.W_OK)],
        "user": os.getuid(),
        "slurm": [name for name in os.environ if name.startswith("SLURM")],
    }
client = get_client()
client.wait_for_workers(2, timeout=120)
print(json.dumps(list(client.run(probe, ELSEWHERE).values())))
"""
HOARD = """
client.wait_for_workers(1, timeout=120)
client.cluster.scheduler.allowed_failures = 0  # once is enough: it would be tried thrice
def hoard():
    import mmap, time
    held = mmap.mmap(-1, 2**31)  # shared: no limit on one process's data counts it, where limits are soft
    for i in range(0, 2**31, 4096):
        held[i] = 1
    time.sleep(60)
client.submit(hoard).result()
"""


@pytest.fixture(scope="module")
def three(sandboxes: None) -> Iterator[SmallSlurm]:
    """Three nodes: one for a run's own job, two for its workers."""
    with running(nodes=3, memory_mib=2100) as small:
        yield small


@pytest.fixture(autouse=True)
def at_three(three: SmallSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in three.environment.items():
        monkeypatch.setenv(name, value)


def lives_of_many(extract: Path) -> None:
    from invented_lives import COVERAGE, lives
    from written_extracts import write

    tables = lives()
    write(extract, tables, buckets=6, coverage=dict.fromkeys(tables, COVERAGE))


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(fill=lives_of_many)


def ordered(project: Project, study: StudyFolder) -> Ticket:
    placed, extract = order.place(project.site, study, permit=project.permit, user="anna")
    return submit(project.site, study, placed, extract, TWO)


@pytest.fixture
def other_run(three: SmallSlurm, short: Path) -> Iterator[list[tuple[str, int]]]:
    """Where another run's members are, on this machine."""
    papers.issue(short / "net", "another", 2, datetime.now(UTC) + timedelta(hours=1))
    with ExitStack() as stack:
        for member in range(2):
            sockets = short / str(member)
            sockets.mkdir()
            stack.enter_context(fenced(short / "net", member, 2, sockets, three.host_address))
        where = [json.loads((short / "net" / "members" / str(member)).read_text()) for member in range(2)]
        yield [(one["host"], one["port"]) for one in where]


def shown(project: Project, run: str) -> str:
    """What the cells of a failed run's notebook printed."""
    notebook = nbformat.read(project.site.runs / "failed" / run / "notebook.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if output.get("name") == "stdout")


@pytest.fixture(scope="module")
def by_threads(project: Project) -> str:
    """The digest of the same cohort where it is collected by threads."""
    told: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SUNDBENCH_EXTRACT", str(project.extract))
        exec(COHORT, told)
    return str(told["cohort"].digest)


def test_workers_reach_nothing_but_their_run_and_give_what_threads_give_whatever_becomes_of_them(
    project, study, three, by_threads, other_run
):
    """The kernel asks each worker to try; what listens elsewhere would take the connection.

    Then workers are cancelled, lost with their node, and killed in their sandboxes while they compute. In the
    end one uses more memory than it has.
    """
    with socket.create_server((three.host_address, 0)) as hub:
        hub.setblocking(False)
        elsewhere = [
            hub.getsockname()[:2],  # this machine: the hub, the database, the audit log
            ("127.0.0.1", 6817),
            *other_run,  # another run's scheduler, and its worker
            (three.address("n1"), 6818),  # a node's slurmd
            ("169.254.169.254", 80),
            ("192.0.2.1", 53),
        ]
        probe = PROBE.replace("ELSEWHERE", repr(elsewhere))
        ticket = ordered(project, study(probe, SLOWLY, COHORT, HOARD))
        until(lambda: (far := left.standing(project.site, ticket)[1]) and far.done >= 4)
        with pytest.raises(BlockingIOError):
            hub.accept()
    before = workers_of(three, project)
    three.run("scancel", before[0].job)
    three.crash(before[1].node)
    three.start(before[1].node)
    until(lambda: set(workers_of(three, project)) - set(before))
    for process in sandboxed_workers(project):
        os.kill(process, signal.SIGKILL)
    with pytest.raises(ReleaseError, match=r"KilledWorker: .* \(a worker ended: out of memory: it ") as told:
        awaiting.wait(project.site, ticket.order.run, "anna")
    assert "\n" not in str(told.value)
    until(lambda: not workers_of(three, project))
    probed, digest = shown(project, ticket.order.run).splitlines()
    assert digest == by_threads
    for seen in json.loads(probed):
        sockets, user = seen.pop("sockets"), seen.pop("user")
        assert seen == {
            "reached": [],
            "others of the run": [True, True, True],
            "no member": False,
            "resolved": False,
            "interfaces": ["lo"],
            "keys": [],
            "written": [],
            "slurm": [],
        }
        assert sockets in (["0", "2", "in"], ["0", "1", "in"])
        assert user == 65533


class Worker(NamedTuple):
    """A worker's job, and the node that it runs on."""

    job: str
    node: str


def workers_of(three: SmallSlurm, project: Project) -> list[Worker]:
    shown = three.run("squeue", "--noheader", "--states=RUNNING", "--name=sundbench-worker", "--format=%i %N")
    return [Worker(*line.split()) for line in shown.splitlines()]


def sandboxed_workers(project: Project) -> Iterator[int]:
    """The programs of workers, inside their sandboxes."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            its = process.stat().st_uid == project.account.uid
            if its and b"inside.worker" in command and b"bwrap" not in command:
                yield int(process.name)


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 90
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)
