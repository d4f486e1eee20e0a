"""A hostile researcher's code in a kernel: what it tries, and what of it may come to anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

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
                if os.path.isfile(path) and SECRET[::-1].encode() in open(path, 'rb').read():
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
attempt('curl of a host port', lambda: said('curl', '-sS', '-m', '5', 'http://%s:%d/' % ADDRESSES[0]))
attempt('ssh', lambda: said('ssh', '-o', 'ConnectTimeout=3', '-o', 'BatchMode=yes', '192.0.2.1', 'true'))
attempt('name', lambda: socket.getaddrinfo('example.org', 443))
attempt('question to a name server', lambda: network(socket.AF_INET, ('192.0.2.53', 53)))
attempt('raw socket', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt('packet socket', lambda: socket.socket(17, socket.SOCK_RAW, 3).close())
for address in ADDRESSES: attempt('connect to %s:%d' % address, lambda: network(socket.AF_INET, address))
for path in SOCKETS: attempt('connect to ' + path, lambda: network(socket.AF_UNIX, path))
for path in FILES: attempt('read ' + path, lambda: text(path))
for path in FOLDERS: attempt('list ' + path, lambda: os.listdir(path))
attempt('broker in the sandbox', lambda: network(socket.AF_UNIX, '/run/sundbench/broker.sock'))
attempt('environment of the first process', lambda: text('/proc/1/environ'))
attempt('file by way of the first process', lambda: text('/proc/1/root' + FILES[0]))
attempt('own environment', lambda: text('/proc/self/environ'))
attempt('sibling', lambda: sorted(os.listdir('/run/kernel/..')))
PLACES = ('/data', '/notebooks', '/outbox', '/run', '/tmp', '/home', '/var', '/root', '/srv')
attempt('secret anywhere', lambda: everything(*PLACES))
attempt('link in scratch', lambda: [os.symlink(FILES[0], '/work/l'), text('/work/l')])
attempt('link in notebooks', lambda: os.symlink('/data/extract.json', '/notebooks/l'))
attempt('hard link', lambda: os.link('/data/extract.json', '/work/h'))
attempt('notebook', lambda: open('/notebooks/x.ipynb', 'w'))
attempt('ptrace of the first process', lambda: syscall(101, 16, 1, 0, 0))
attempt('memory of the first process', lambda: open('/proc/1/mem', 'rb').read(1))
attempt('memory of another', lambda: syscall(310, 1, 0, 0, 0, 0, 0))
attempt('descriptor of another', lambda: syscall(438, os.pidfd_open(1), 0, 0))
attempt('processes', lambda: sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))
for name in PROGRAMS: attempt(name, lambda: said(*name.split()))
attempt('new namespace', lambda: syscall(272, 0x10000000))
attempt('remount', lambda: syscall(165, b'none', b'/data', None, 32 | 4096, None))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Wanted:
    """What there is on the machine, outside the sandbox.

    Attributes:
        addresses: where something listens.
        sockets: likewise, on the file system.
        files, folders: of others; the files hold `SECRET`, or something else that is.
        programs: with which an account gets at more than its own.
        words: parts of environments that are none of a kernel's business.
    """

    addresses: list[tuple[str, int]]
    files: list[str]
    sockets: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    programs: tuple[str, ...] = ("sudo -n true", "su -c true")
    words: tuple[str, ...] = ("JUPYTERHUB", "t0ken")


def reaches_nothing(run: Callable[[str], str], wanted: Wanted) -> None:
    """Try everything in a kernel.

    Args:
        run: executes code in it, and gives what it printed.
        wanted: what else is there.
    """
    given = {
        "ADDRESSES": wanted.addresses,
        "SOCKETS": wanted.sockets,
        "FILES": wanted.files,
        "FOLDERS": wanted.folders,
        "PROGRAMS": wanted.programs,
        "SECRET": SECRET[::-1],  # the code itself is in the kernel's history
    }
    said = run("".join(f"{name} = {value!r}\n" for name, value in given.items()) + TRIED)
    found = json.loads(said.splitlines()[-1])
    for name in ("curl", "curl of a host port", "ssh", *wanted.programs):
        assert found.pop(name) in (False, "FileNotFoundError", "PermissionError"), name
    assert found.pop("name") == "gaierror"
    assert (where := found.pop("secret anywhere")) is None, where
    assert found.pop("sibling") == ["kernel"]
    assert set(found.pop("processes")) <= {1, 2, 3}
    for name in ("environment of the first process", "own environment"):
        shown = str(found.pop(name))
        assert not [word for word in wanted.words if word in shown], name
    for path in (*wanted.files, *wanted.folders):
        name = f"{'read' if path in wanted.files else 'list'} {path}"
        assert found.pop(name) == "FileNotFoundError", name
    for name, what in found.items():
        assert str(what).endswith(("Error", "timeout")), (name, what)
