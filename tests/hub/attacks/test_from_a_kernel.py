"""A hostile researcher's code in a register kernel, beside everything that it would like to have."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.broker.conftest import Served, assignment, served, start, started  # noqa: F401
from tests.hub.broker.conftest import run as run_in

SECRET = "what only the other project may see"

TRIED = """
import ctypes, json, os, shutil, socket, subprocess
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(name, do):
    try:
        found[name] = do()
    except Exception as error:
        found[name] = type(error).__name__
def text(path): return open(path, errors='replace').read()
def everything(*roots):
    for folder, _, files in (step for root in roots for step in os.walk(root)):
        for path in (os.path.join(folder, name) for name in files):
            try:
                if os.path.isfile(path) and SECRET[::-1] in text(path):
                    return path
            except OSError:
                pass
def network(kind, address):
    with socket.socket(kind, socket.SOCK_STREAM) as s:
        s.settimeout(3); s.connect(address); return 'reached'
def syscall(number, *arguments):
    if libc.syscall(number, *arguments) < 0: raise OSError(ctypes.get_errno())
    return 'done'
def said(*command): return subprocess.run(command, capture_output=True, text=True, timeout=20).returncode == 0
attempt('curl', lambda: said('curl', '-sS', '-m', '5', 'http://192.0.2.1/'))
attempt('curl of a host port', lambda: said('curl', '-sS', '-m', '5', 'http://127.0.0.1:%d/' % PORT))
attempt('ssh', lambda: said('ssh', '-o', 'ConnectTimeout=3', '-o', 'BatchMode=yes', '192.0.2.1', 'true'))
attempt('name', lambda: socket.getaddrinfo('example.org', 443))
attempt('question to a name server', lambda: network(socket.AF_INET, ('192.0.2.53', 53)))
attempt('raw socket', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt('packet socket', lambda: socket.socket(17, socket.SOCK_RAW, 3).close())
attempt('host port', lambda: network(socket.AF_INET, ('127.0.0.1', PORT)))
attempt('broker', lambda: network(socket.AF_UNIX, BROKER))
attempt('broker in the sandbox', lambda: network(socket.AF_UNIX, '/run/sundbench/broker.sock'))
attempt('environment of the first process', lambda: text('/proc/1/environ'))
attempt('files of the first process', lambda: os.listdir('/proc/1/root/'))
attempt('own environment', lambda: text('/proc/self/environ'))
attempt('sibling', lambda: sorted(os.listdir('/run/kernel/..')))
attempt('sibling by name', lambda: text(SIBLING))
for name in NAMED: attempt(name, lambda: text(name))
PLACES = ('/data', '/notebooks', '/outbox', '/run', '/tmp', '/home', '/var', '/root', '/srv')
attempt('secret anywhere', lambda: everything(*PLACES))
attempt('link in scratch', lambda: [os.symlink(list(NAMED)[0], '/work/l'), text('/work/l')])
attempt('link in notebooks', lambda: os.symlink('/data/extract.json', '/notebooks/l'))
attempt('hard link', lambda: os.link('/data/extract.json', '/work/h'))
attempt('notebook', lambda: open('/notebooks/x.ipynb', 'w'))
attempt('ptrace of the first process', lambda: syscall(101, 16, 1, 0, 0))
attempt('memory of the first process', lambda: open('/proc/1/mem', 'rb').read(1))
attempt('memory of another', lambda: syscall(310, 1, 0, 0, 0, 0, 0))
attempt('descriptor of another', lambda: syscall(438, os.pidfd_open(1), 0, 0))
attempt('processes', lambda: sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))
attempt('sudo', lambda: said('sudo', '-n', 'true'))
attempt('su', lambda: said('su', '-c', 'true'))
attempt('new namespace', lambda: syscall(272, 0x10000000))
attempt('remount', lambda: syscall(165, b'none', b'/data', None, 32 | 4096, None))
print(json.dumps(found))
"""


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[3]


@pytest.fixture
def found(served: Served, tmp_path: Path) -> Iterator[dict[str, object]]:  # noqa: F811
    """What one pass over everything brought to light."""
    for name in ("other-extract", "vault", "freeze", "hub"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(SECRET)
    named = [str(tmp_path / name / "file") for name in ("other-extract", "vault", "freeze", "hub")]
    with socket.create_server(("127.0.0.1", 0)) as host, started(served, "synthetic-data"):
        (sibling,) = served.broker.kernels.values()
        with started(served, "register-data") as (_, client):
            given = {
                "PORT": host.getsockname()[1],
                "BROKER": str(served.socket),
                "SIBLING": str(sibling.folder / "connection.json"),
                "NAMED": named,
                "SECRET": SECRET[::-1],  # the code itself is in the kernel's history
            }
            os.environ["JUPYTERHUB_API_TOKEN"] = "t0ken"
            try:
                code = "".join(f"{name} = {value!r}\n" for name, value in given.items()) + TRIED
                said = run_in(client, code, timeout=300)
            finally:
                del os.environ["JUPYTERHUB_API_TOKEN"]
            yield json.loads(said.splitlines()[-1]) | {
                "named": [json.loads(said.splitlines()[-1])[n] for n in named]
            }


def test_everything_that_a_kernel_must_not_reach(found: dict[str, object]) -> None:
    for name in ("curl", "curl of a host port", "ssh", "sudo", "su"):
        assert found[name] in (False, "FileNotFoundError", "PermissionError"), name
    assert found["name"] == "gaierror"
    for name in (
        "question to a name server", "raw socket", "packet socket", "host port", "broker",
        "broker in the sandbox",
        "sibling by name", "link in scratch", "link in notebooks", "hard link", "notebook",
        "ptrace of the first process", "memory of another", "descriptor of another",
        "memory of the first process", "new namespace", "remount",
    ):  # fmt: skip
        assert str(found[name]).endswith(("Error", "timeout")), (name, found[name])
    assert found["named"] == ["FileNotFoundError"] * 4
    assert found["secret anywhere"] is None
    assert found["sibling"] == ["kernel"]
    assert set(found["processes"]) <= {1, 2, 3}  # type: ignore[call-overload]
    for name in ("environment of the first process", "own environment"):
        assert "t0ken" not in str(found[name])
