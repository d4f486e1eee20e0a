"""A hub whose servers are jobs of a real Slurm, each under the no-login account of its permit."""

import fcntl
import json
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import requests

from sundbench.hub.settings import read
from sundbench.slurm import accounts, folders
from sundbench.slurm.accounts import Account
from sundbench.slurm.small.cluster import SmallSlurm
from tests.hub.installation import (
    PERMITS,
    Platform,
    Visitor,
    add_data,
    amend,
    at_work,
    eventually,
    free_ports,
    make_platform,
)

SETTINGS = """
[site]
profile = "slurm"
[slurm]
partition = "batch"
cores = 1
memory = "1200 MiB"
hub_host = "{host}"
audit_port = {audit}
[kernel]
memory = "700 MiB"
r = false
[server]
memory = "400 MiB"
"""


@dataclass
class Cluster:
    """A platform and the Slurm that its servers run on.

    Attributes:
        platform: hub, audit writer and what they need.
        slurm: the cluster.
        projects: permits with an account and data, each of one member.
        tokens: by project, what its last server shows the hub.
    """

    platform: Platform
    slurm: SmallSlurm
    projects: tuple[str, ...]
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def hub_port(self) -> int:
        return read(self.platform.site).hub.hub_port

    @property
    def audit_port(self) -> int:
        return read(self.platform.site).slurm.audit_port

    def begin(self, visitor: Visitor, project: str, until: datetime | None = None) -> None:
        """Start a server, read its letter before its job does, and see that it comes up."""
        with self.waiting(visitor, project, until):
            pass
        eventually(lambda: visitor.state(project) != "starting", 90)
        assert visitor.state(project) == "running", f"{self.platform.log()}\n{self.job_log(project)}"

    @contextmanager
    def waiting(self, visitor: Visitor, project: str, until: datetime | None = None) -> Iterator[None]:
        """Start a server whose job waits in the queue, with a permit that ends sooner if need be."""
        with self.closed():
            assert visitor.start(project, wait=False).ok
            eventually(lambda: self.job(project))
            (letter,) = folders.letters(self.platform.site, self.account(project)).glob("*.json")
            told = json.loads(letter.read_text())
            self.tokens[project] = told["assignment"]["environment"]["JUPYTERHUB_API_TOKEN"]
            if until is not None:
                letter.write_text(json.dumps({**told, "until": until.isoformat()}))
            yield

    def job_log(self, project: str) -> str:
        """What the project's last job has said."""
        logs = folders.letters(self.platform.site, self.account(project)).glob("*.log")
        return max(logs, key=lambda log: log.stat().st_mtime_ns).read_text(encoding="utf-8")

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let no job start on any node."""
        for node in self.slurm.nodes:
            self.slurm.drain(node)
        try:
            yield
        finally:
            for node in self.slurm.nodes:
                self.slurm.resume(node)

    def why_stopped(self, project: str) -> str:
        """What the audit log says of the project's last stop."""
        stops = self.platform.records(action="server.stop", actor=self.user(project))
        return str(stops[-1]["detail"]["why"]) if stops else ""

    def target(self, project: str) -> tuple[str, int]:
        """Where the proxy finds a project's server: its name, in which an address stands; and its port."""
        route = rf"Adding user {self.user(project)} to proxy \S+ => https://([\w.]+):(\d+)"
        found = re.findall(route, self.log())
        return found[-1][0], int(found[-1][1])

    def log(self) -> str:
        """All of the hub's log."""
        return (self.platform.site.hub / "logs" / "hub.log").read_text(encoding="utf-8")

    def ask_hub(self, path: str, token: str, body: object) -> requests.Response:
        """Ask the hub's API from a node's side, with a server's certificate."""
        certificates = self.platform.site.hub / "certificates"
        pair = tuple(str(certificates / "hub-internal" / f"hub-internal.{end}") for end in ("crt", "key"))
        return requests.post(
            f"https://{self.slurm.host_address}:{self.hub_port}/hub/api/{path}",
            json=body,
            headers={"Authorization": f"token {token}"},
            cert=pair,
            verify=str(certificates / "hub-ca" / "hub-ca.crt"),
            timeout=20,
        )

    def member(self, project: str) -> Visitor:
        """The project's member, logged in."""
        return self.platform.visitor(self.user(project))

    def user(self, project: str) -> str:
        return f"of-{project}"

    def account(self, project: str) -> Account:
        return accounts.account(self.platform.site, project)

    def job(self, project: str) -> str:
        """The number of the project's job that waits or runs; empty where there is none."""
        who = accounts.name_of(project)
        return self.slurm.run("squeue", "--noheader", f"--user={who}", "--format=%A").strip()


@contextmanager
def cluster_of(slurm: SmallSlurm, projects: int) -> Iterator[Cluster]:
    """A platform on a cluster, with so many projects; nothing of it is left afterwards."""
    root = Path(tempfile.mkdtemp(prefix="sb-cluster-"))
    root.chmod(0o755)
    (audit,) = free_ports(1)
    names = tuple(f"p{number}-{secrets.token_hex(3)}" for number in range(projects))
    platform = make_platform(root / "home", [], SETTINGS.format(host=slurm.host_address, audit=audit))
    for name in names:
        user = f"of-{name}"
        amend(platform.site, name, (f"{user}:researcher",))
        platform.give_password(user)
        add_data(platform.site, name)
    try:
        with at_work_on(slurm, platform, own=names):
            yield Cluster(platform, slurm, names)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def at_work_on(
    slurm: SmallSlurm, platform: Platform, *, own: Collection[str] = (), shared: Collection[str] = ()
) -> Iterator[None]:
    """Start a platform whose servers are a cluster's jobs; afterwards nothing of it is left.

    Args:
        slurm: the cluster.
        platform: what is started; its settings name the cluster.
        own: its permits that nobody else's tests have.
        shared: those besides `PERMITS` that others may have at the same time.
    """
    platform.environment |= slurm.environment
    with accounts_removed(own, {*PERMITS, *shared}):
        set_up_accounts(platform)
        with at_work(platform):
            gateway = platform._start([sys.executable, "-m", "sundbench.hub.audit_gateway"], "gateway.log")
            try:
                yield
            finally:
                gateway.terminate()
                gateway.wait()


def set_up_accounts(platform: Platform) -> None:
    """What the operator does after each new permit or extract."""
    subprocess.run(
        [str(Path(sys.executable).with_name("sundbench")), "hub", "accounts", "--set-up"],
        env=platform.environment | {"SUNDBENCH_USER": "sofie"}, check=True,
    )  # fmt: skip


@contextmanager
def accounts_removed(own: Collection[str], shared: Collection[str]) -> Iterator[None]:
    """Remove permits' accounts in the end; those that several runs of tests share, when the last one ends.

    Who is here holds the file's lock with others, and writes down what it shares.
    """
    with Path("/tmp/sundbench-accounts-of-tests").open("a+", encoding="utf-8") as here:
        fcntl.flock(here, fcntl.LOCK_SH)
        print(*shared, file=here, flush=True)
        try:
            yield
        finally:
            for permit in own:
                remove(accounts.name_of(permit))
            with suppress(BlockingIOError):
                fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
                here.seek(0)
                for permit in set(here.read().split()):
                    remove(accounts.name_of(permit))
                here.truncate(0)


def remove(name: str) -> None:
    """Remove an account, if it was made, and the folders that jobs of its left which were killed."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    for left in Path("/tmp").glob("sb-*"):
        with suppress(FileNotFoundError):
            if left.stat().st_uid == uid:
                shutil.rmtree(left, ignore_errors=True)
    subprocess.run(["userdel", "--force", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def cluster(slurm: SmallSlurm, sandboxes: None) -> Iterator[Cluster]:
    """The platform that this folder's tests share, with three projects."""
    with cluster_of(slurm, 3) as made:
        yield made
