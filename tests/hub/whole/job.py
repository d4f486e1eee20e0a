"""A server's job on its node, and whoever has broken out of a sandbox into it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sundbench.hub.slurm.letter import Letter
from sundbench.slurm import accounts, folders
from sundbench.slurm.accounts import Account
from tests.hub.installation import Visitor
from tests.hub.whole.installation import Whole

BROKEN_OUT = """
import json, os, socket, ssl, subprocess, sys
globals().update(json.load(sys.stdin))
found = {}
def attempt(name, do):
    try:
        found[name] = do()
    except Exception as error:
        found[name] = type(error).__name__
def connect(host, port):
    with socket.create_connection((host, port), 5):
        return "reached"
def talk(host, port, identity):
    from sundbench.hub.slurm.letter import Identity
    context = Identity(**identity).context(ssl.Purpose.SERVER_AUTH)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((host, port), 5)
    with context.wrap_socket(plain, server_hostname=host) as line:
        line.sendall(b"GET /api HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        return "answered" if line.recv(1) else "hung up on"
def run(*command):
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
"""


@dataclass(frozen=True)
class Job:
    """A server at work.

    Attributes:
        visitor: whose.
        project: in which.
        letter: what its job was told.
        account: under which it runs.
        number: Slurm's.
        process: the job's own, outside its sandboxes.
        there: what its node calls that process.
        runtime: its folder on the node.
        port: at which its server listens there.
    """

    visitor: Visitor
    project: str
    letter: Letter
    account: Account
    number: str
    process: int
    there: int
    runtime: Path
    port: int

    def tries(self, code: str, **given: Any) -> dict[str, Any]:
        """Run code as whoever broke out of the sandbox into the job: its account, its node, its network.

        Args:
            code: leaves what it found in ``found``.
            given: names that it finds.
        """
        who = [f"--reuid={self.account.uid}", f"--regid={self.account.gid}", "--clear-groups"]
        python = [sys.executable, "-c", f"{BROKEN_OUT}{code}\nprint(json.dumps(found))"]
        done = subprocess.run(
            ["nsenter", f"--target={self.process}", "--net", "--mount", "--pid", "setpriv", *who, *python],
            input=json.dumps(given), capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def job_of(whole: Whole, visitor: Visitor, project: str, letter: Letter) -> Job:
    """The job of a server that is up."""
    account = accounts.account(whole.site, project)
    (number,) = whole.jobs_of(project)
    told = str(folders.letters(whole.site, account)).encode()
    (process,) = (int(one.name) for one in Path("/proc").glob("[0-9]*") if _is_job(one, told))
    sockets = re.findall(r"(/\S+)/writer\.sock$", Path(f"/proc/{process}/net/unix").read_text(), re.MULTILINE)
    (runtime,) = {one for one in map(Path, sockets) if one.stat().st_uid == account.uid}
    listening = subprocess.run(
        ["nsenter", f"--target={process}", "--net", "ss", "-Hltnp"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (port,) = re.findall(rf":(\d+)\s.*\bpid={process},", listening)
    (there,) = re.findall(r"^NSpid:.*\s(\d+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return Job(visitor, project, letter, account, number, process, int(there), runtime, int(port))


def _is_job(process: Path, told: bytes) -> bool:
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return b"sundbench.hub.slurm.job" in command and told in command
