"""An installation with all at once: Slurm, PostgreSQL, TLS, a host for each person, OIDC, dashboards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sundbench.hub.slurm.letter import Identity, Letter
from sundbench.slurm import accounts, folders
from sundbench.slurm.small.cluster import SmallSlurm
from tests.hub.browser.conftest import settle
from tests.hub.front import encrypted
from tests.hub.installation import Platform, Visitor, eventually, free_ports, make_platform
from tests.hub.oidc.conftest import SECTION, lead_to_a_provider
from tests.hub.oidc.provider import CLIENT, Provider
from tests.hub.slurm.conftest import SETTINGS, at_work_on, set_up_accounts
from tests.postgresql import Cluster

LATER = "heart"
"""A project that a test registers while the hub runs."""


@dataclass
class Whole(Platform):
    """A platform whose people come by the provider, and have hosts and jobs of their own.

    Attributes:
        provider: who says who they are.
        slurm: where their servers run.
    """

    provider: Provider = field(kw_only=True)
    slurm: SmallSlurm = field(kw_only=True)
    _inside: dict[str, Visitor] = field(default_factory=dict)

    def host(self, user: str) -> str:
        """The root of the host that a person's servers are on."""
        return self.url.replace("://", f"://{user}.")

    def add_project(self, permit: str, members: tuple[str, ...]) -> None:
        """Register a permit, give it data, and an account."""
        super().add_project(permit, members)
        set_up_accounts(self)

    def visitor(self, user: str) -> Visitor:
        """Somebody who has logged in; in the browser that they had, where they are still in."""
        there = self._inside.get(user)
        if there is None or "/hub/login" in there.get("hub/home").url:
            there = self._inside[user] = Visitor(self.url, user, host=self.host(user))
            self.provider.is_(f"s-{user}", user)
            assert there.get("hub/oauth_login").ok
            there.get("hub/home")
        return there

    def begin(self, node: str, *starts: tuple[Visitor, str], **asked: Any) -> list[Letter]:
        """Start servers on one node.

        Args:
            node: which.
            starts: who starts which project.
            asked: what the request says besides.

        Returns:
            What their jobs are told, read before the jobs do.
        """
        for one in self.slurm.nodes:
            self.slurm.drain(one)
        for visitor, project in starts:
            answer = visitor.api("POST", f"users/{visitor.user}/servers/{project}", asked)
            assert answer.ok, answer.text
        told = [eventually(lambda project=project: self._letter(project)) for _, project in starts]
        self.slurm.resume(node)
        for visitor, project in starts:
            eventually(lambda who=visitor, what=project: who.state(what) == "running", 90)
        for one in set(self.slurm.nodes) - {node}:
            self.slurm.resume(one)
        return told

    def jobs_of(self, project: str) -> list[str]:
        """The numbers of a project's jobs that wait or run."""
        return self.slurm.run("squeue", "-h", f"--user={accounts.name_of(project)}", "-o%A").split()

    def identity_of(self, part: str) -> Identity:
        """What a part of the platform shows the others."""
        folder = self.site.hub / "certificates" / part
        key, certificate = ((folder / f"{part}.{end}").read_text() for end in ("key", "crt"))
        return Identity(key=key, certificate=certificate, authority=certificate)

    def _letter(self, project: str) -> Letter | None:
        for file in folders.letters(self.site, accounts.account(self.site, project)).glob("*.json"):
            return Letter.model_validate_json(file.read_text()) if file.stat().st_size else None
        return None


@contextmanager
def whole_platform(slurm: SmallSlurm, postgresql: Cluster, provider: Provider) -> Iterator[Whole]:
    """One of it, at work; its kernels have R where the machine has it."""
    root = Path(tempfile.mkdtemp(prefix="sb-whole-"))
    root.chmod(0o755)
    (audit,) = free_ports(1)
    database = postgresql.create("whole_hub").replace("+psycopg", "")
    settings = SETTINGS.format(host=slurm.host_address, audit=audit).replace("r = false\n", "")
    settings += f'[database]\nhub = "{database}"\n'
    made = make_platform(root / "home", [], settings, postgresql.create("whole_governance"))
    platform = Whole(**vars(made), provider=provider, slurm=slurm)
    settle(platform)
    lead_to_a_provider(platform, SECTION.format(issuer=provider.issuer, client=CLIENT))
    try:
        with encrypted(platform), at_work_on(slurm, platform, shared=(LATER,)):
            yield platform
    finally:
        shutil.rmtree(root, ignore_errors=True)
