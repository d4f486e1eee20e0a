"""A job: a server in its sandbox with a broker beside it; and how all of it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sundbench.hub.assignment import Assignment

STAND_IN = """
import asyncio, json, os, socket, sys, time
from pathlib import Path
from sundbench.hub.provisioner import ask
from sundbench.hub.server.settings import read
settings = read(int(sys.argv[1]))
broker = Path('/run/sundbench/broker.sock')
def asked(**request):
    try:
        return asyncio.run(ask(broker, **request))
    except Exception as error:
        return str(error)
kernel = '0f8fad5b-d9cb-469f-a165-70867728950e'
print('said by the server\\x1b[2J', flush=True)
os.write(2, b'x' * (5 << 20))
def of_the_host(port):
    try:
        socket.create_connection(('127.0.0.1', port), 2).close()
        return 'reached'
    except OSError as error:
        return error.strerror
def outside():
    try:
        socket.create_connection(('192.0.2.1', 443), 2).close()
        return 'reached'
    except OSError as error:
        return error.strerror
def reopened():
    try:
        os.truncate('/proc/self/fd/2', 0)
    except OSError as error:
        return error.strerror
def link_among_sockets():
    try:
        os.symlink('/etc', '/run/sundbench/k/link')
    except OSError as error:
        return error.strerror
seen = dict(
    user=settings.user, token=settings.environment['JUPYTERHUB_API_TOKEN'],
    environ=open('/proc/self/environ').read(), arguments=open('/proc/self/cmdline').read(),
    extract=os.path.exists('/data'), specs=sorted(os.listdir('/run/sundbench/jupyter/kernels')),
    started=asked(do='start', kernel=kernel, policy='register-data'),
    server=asked(do='start', kernel=kernel[::-1], policy='server'),
    link=link_among_sockets(), log=reopened(),
    outside=outside(), neighbour=of_the_host(PORT), interfaces=[name for _, name in socket.if_nameindex()],
    wrong=[asked(**{'do': 'start', 'kernel': kernel, 'policy': 'register-data', **more})
           for more in ({'argv': ['sh']}, {'policy': '../x'}, {'kernel': '../../x'}, {'kernel': 'a' * 9000})],
    still=asked(do='list'),
)
Path('/notebooks/seen.part').write_text(json.dumps(seen))
os.rename('/notebooks/seen.part', '/notebooks/seen.json')
while not os.path.exists('/notebooks/end'):
    time.sleep(0.05)
"""

JOB = """
import sys
from sundbench.governance.audit import client
from sundbench.hub import job, sandboxed_server
job.Client.record = lambda *_, **__: 0
sandboxed_server.LOG_BURST = 20_000
sandboxed_server.PROGRAM = (sys.executable, '-I', '-c', sys.argv[2])
sys.exit(job.main([sys.argv[1]]))
"""

Begin = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def begin(sandboxes: None, assignment: Assignment) -> Iterator[Begin]:
    """Start a job whose server is a stand-in, and wait until that has seen what it can."""
    started: list[subprocess.Popen[str]] = []
    neighbour = socket.create_server(("127.0.0.1", 0))

    def began() -> subprocess.Popen[str]:
        path = assignment.write(assignment.runtime / "assignment.json")
        stand_in = STAND_IN.replace("PORT", str(neighbour.getsockname()[1]))
        command = [sys.executable, "-c", JOB, str(path), stand_in]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={"PATH": os.environ["PATH"]},
        )
        started.append(process)
        until(lambda: (assignment.workspace / "seen.json").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[1]
        return process

    yield began
    neighbour.close()
    for process in started:
        process.kill()
        process.communicate()


def until(true: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def descendants(pid: int) -> set[int]:
    """A process's children, and theirs."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found |= {int(child)} | descendants(int(child))
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_what_a_server_sees(begin: Begin, assignment: Assignment) -> None:
    job = begin()
    seen = json.loads((assignment.workspace / "seen.json").read_text())
    assert (seen["user"], seen["token"]) == ("anna", "t0ken")
    assert not seen["extract"]
    assert {"register-data", "synthetic-data"} <= set(seen["specs"])
    for shown in (seen["environ"], seen["arguments"]):
        assert "t0ken" not in shown
        assert "s3cret" not in shown
    assert seen["started"]["connection"]["transport"] == "ipc"
    assert "may not start kernels of this kind" in seen["server"]
    # The broker mounts what has a kernel's name there, writable, into that kernel.
    assert seen["link"] == "Read-only file system"
    # On the host's network it could take a neighbour's port, and receive the neighbour's visitors.
    assert seen["interfaces"] == ["lo"]
    assert seen["outside"] == "Network is unreachable"
    assert seen["neighbour"] == "Connection refused"
    assert all("not a request" in said or "broker is gone" in said for said in seen["wrong"])
    assert [one["kernel"] for one in seen["still"]["kernels"]] == ["0f8fad5b-d9cb-469f-a165-70867728950e"]
    assert seen["log"] == "Invalid argument"  # a pipe: no file to cut or read back
    assert not (assignment.runtime / "assignment.json").exists()
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=30)
    assert "server: said by the server\N{REPLACEMENT CHARACTER}[2J" in said
    assert len(said) < 60_000


@pytest.mark.parametrize("way", ["asked", "server", "killed"])
def test_however_it_ends_nothing_of_it_runs_on(begin: Begin, assignment: Assignment, way: str) -> None:
    job = begin()
    family = descendants(job.pid)
    assert len(family) >= 4  # the server and a kernel, each with its sandbox
    if way == "server":
        (assignment.workspace / "end").touch()
    else:
        job.send_signal(signal.SIGTERM if way == "asked" else signal.SIGKILL)
    _, said = job.communicate(timeout=30)
    until(lambda: not alive(family), 10)
    assert alive(family) == set()
    if way != "killed":  # who is killed tidies nothing; the hub removes the folder
        assert job.returncode == 0
        assert not assignment.runtime.exists()
        limits = re.findall("limits: memory: (hard|soft) .* disk: (hard|soft)", said)
        assert len(limits) == 2, (
            "the server's and its kernel's, since a machine may hold one folder and not another"
        )
        assert "t0ken" not in said
