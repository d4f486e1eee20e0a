"""What a letter can't make a job do: one who has taken the hub over writes it."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sundbench.errors import HubError
from sundbench.hub.assignment import Assignment, Extract
from sundbench.hub.server.settings import Rules
from sundbench.hub.slurm import trust
from sundbench.hub.slurm.letter import Endpoint, Identity, Letter
from sundbench.registers.catalogue import Text
from sundbench.sandbox.policy import Limits
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from sundbench.slurm.accounts import Account

LIMITS = Limits(memory="1 GiB", cores=1, processes=64, file_size="1 GiB", disk="1 GiB", tmp="16 MiB")
RULES = Rules(
    quota=2**30, warn_at=0.8, upload_size=2**20, output_size=2**20, kernel_minutes=60, server_minutes=60
)
Write = Callable[..., tuple[Letter, Path]]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    if os.geteuid() != 0:
        message = "accounts are made by root"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    made = accounts.create(f"trust-{secrets.token_hex(3)}")
    yield made
    subprocess.run(["userdel", "--force", made.name], check=True, capture_output=True)


@pytest.fixture
def letter(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A letter as the hub writes it for that account, which this process claims to be, and where it lies."""
    site, permit = Site(tmp_path, ""), account.permit
    monkeypatch.setattr(trust.os, "getuid", lambda: account.uid)

    def write(content: dict[str, Path] | None = None, **changes: Any) -> tuple[Letter, Path]:
        user = changes.get("user", "anna")
        usual: dict[str, Any] = {
            "user": user,
            "permit": permit,
            "title": Text(da="p", en="p"),
            "extract": Extract(folder=site.extracts / permit / "2026-01", digest="d"),
            "synthetic": Extract(folder=site.synthetic / permit, digest="d"),
            "workspace": site.workspaces / permit,
            "history": site.histories / permit,
            "scratch": site.scratch / permit / user,
            "outbox": site.outboxes / permit / user,
            "runtime": Path("/tmp"),
            "audit_socket": Path("/tmp/audit.sock"),
            "audit_secret": "",
            "environment": {},
            "address": "",
            "port": 0,
            "server": LIMITS,
            "kernel": LIMITS,
            "kernels": 1,
            "rules": RULES,
        }
        there = Endpoint(host="hub", port=1)
        made = Letter(
            home=changes.pop("home", tmp_path),
            assignment=Assignment(**(usual | changes)),
            until="2099-01-01T00:00:00Z",
            hub=there,
            audit=there,
            identity=Identity(key="", certificate="", authority=""),
            content=content or {},
        )
        return made, folders.letters(site, account) / "0123456789abcdef.json"

    return write


def test_the_hub_s_own_is_believed(letter: Write):
    trust.require_own(*letter())
    trust.require_own(*letter(content={"SUNDBENCH_KERNELS": Path(trust.__file__).parents[3] / "kernels"}))


@pytest.mark.parametrize("permit", ["another", "lung-cancer", "../root"])
def test_one_for_another_account_is_refused(letter: Write, permit: str):
    with pytest.raises(HubError, match="not for account"):
        trust.require_own(*letter(permit=permit))


def test_one_that_names_another_installation_is_refused(letter: Write, tmp_path: Path):
    """Its own policies and links would be there."""
    with pytest.raises(HubError, match="not for account"):
        trust.require_own(*letter(home=tmp_path / "mine"))


def test_one_that_leads_out_of_its_project_is_refused(letter: Write, tmp_path: Path, account: Account):
    site, permit = Site(tmp_path, ""), account.permit
    for changes in (
        # What a server shows its user, and what a kernel writes for review.
        {"workspace": site.extracts / permit},
        {"outbox": site.workspaces / permit},
        {"scratch": site.workspaces / permit / "anna"},
        {"history": site.extracts / permit},
        {"synthetic": Extract(folder=site.extracts / permit / "2026-01", digest="d")},
        {"extract": Extract(folder=site.extracts / "another" / "2026-01", digest="d")},
        {"extract": Extract(folder=site.extracts / permit / "..", digest="d")},
        {"user": "../another/anna"},
        {"user": ".."},
        {"user": "/etc"},
    ):
        with pytest.raises(HubError, match="leads out"):
            trust.require_own(*letter(**changes))


def test_policies_that_others_could_have_written_are_refused(letter: Write, tmp_path: Path):
    """A policy says what a sandbox mounts, and what it runs."""
    mine, open_to_all, link = tmp_path / "mine", tmp_path / "open", tmp_path / "link"
    for folder in (mine, open_to_all):
        folder.mkdir()
    os.chown(mine, 12345, 12345)
    open_to_all.chmod(0o777)
    link.symlink_to(Path(trust.__file__).parents[3])
    for content in (mine, mine / "kernels", open_to_all, link / "kernels"):
        content.mkdir(exist_ok=True)
        with pytest.raises(HubError, match="others than root could have written it"):
            trust.require_own(*letter(content={"SUNDBENCH_KERNELS": content}))


def test_nor_are_those_in_a_folder_in_which_anybody_may_put_some(letter: Write, tmp_path: Path):
    """That is root's, and lets nobody take away what is another's, as ``/tmp``."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(HubError, match="others than root could have written it"):
        trust.require_own(*letter(content={"SUNDBENCH_KERNELS": shared}))
    (shared / "kernels").mkdir()
    trust.require_own(*letter(content={"SUNDBENCH_KERNELS": shared / "kernels"}))


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "PYTHONPATH", "SLURM_CONF"])
def test_it_sets_no_other_variable_of_its_job_s(letter: Write, name: str):
    made, _ = letter()
    with pytest.raises(ValidationError):
        Letter.model_validate(made.model_dump() | {"content": {name: "/usr/lib"}})
