"""The demonstration: people of every role, two projects, own passwords; a second time changes nothing."""

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from sundbench.errors import HubError
from sundbench.governance import database, people, permits
from sundbench.governance.models import Role
from sundbench.hub import demonstration, passwords, settings
from sundbench.hub.demonstration_people import PEOPLE
from sundbench.hub.demonstration_projects import PROJECTS
from sundbench.site import Site
from sundbench.slurm.small.cluster import SmallSlurm


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Its data, which take a minute, are not made here, and passwords are hashed quickly."""
    monkeypatch.setattr(passwords, "_N", 16)
    made: list[str] = []
    nothing = SimpleNamespace(extract=lambda _site, project, *_, **__: made.append(project))
    monkeypatch.setattr(demonstration, "extract", nothing)
    monkeypatch.setattr(demonstration, "synthetic_extract", lambda *_, **__: None)
    monkeypatch.setattr(demonstration, "_freeze", lambda *_: None)
    monkeypatch.setattr(demonstration, "_report", lambda *_: None)
    return Site(tmp_path / "demo", "sqlite:////nowhere/else.db")


def test_everybody_gets_a_password_of_this_installation(site: Site) -> None:
    own, accounts = demonstration.prepare(site)
    assert len({account.password for account in accounts}) == len(PEOPLE)
    assert all(passwords.check(own, account.user, account.password) for account in accounts[:2])


def test_there_is_somebody_for_every_role(site: Site) -> None:
    own, accounts = demonstration.prepare(site)
    with database.reading(own) as session:
        held = {
            role
            for account in accounts
            for project in PROJECTS
            for role in people.roles(session, account.user, project)
        }
    assert held == set(Role)


def test_the_projects_differ_in_people_and_registers(site: Site) -> None:
    own, _ = demonstration.prepare(site)
    with database.reading(own) as session:
        lung, blood = (permits.usable(session, one, permits.today()).permit for one in PROJECTS)
    assert set(lung.registers) != set(blood.registers)
    assert {one.user for one in lung.members} & {one.user for one in blood.members} == {"mikkel"}


def test_a_second_time_keeps_passwords_and_says_which_were_changed(site: Site) -> None:
    own, first = demonstration.prepare(site)
    passwords.put(own, "anna", "et helt andet kodeord")
    _, second = demonstration.prepare(site)
    shown = {account.user: account.password for account in second}
    assert shown.pop("anna") == "(changed)"
    assert shown.items() <= {account.user: account.password for account in first}.items()


def test_the_passwords_are_kept_where_the_owner_alone_reads(site: Site) -> None:
    own, accounts = demonstration.prepare(site)
    kept = own.hub / "demonstration.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {account.user: account.password for account in accounts}


def test_it_says_of_itself_what_it_is_and_keeps_to_its_folder(site: Site) -> None:
    own, _ = demonstration.prepare(site)
    assert settings.read(own).site.demonstration
    assert own.database_url.endswith("/demo/sundbench.db")
    assert own.vault_key_file == own.root / "vault.key"


def small_slurm(address: str) -> SmallSlurm:
    """All that the demonstration asks of a cluster; tests/hub/slurm has real ones."""
    return cast("SmallSlurm", SimpleNamespace(host_address=address))


def test_on_a_cluster_servers_are_jobs_that_find_the_hub(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(demonstration, "set_up", lambda _, user: done.append(user))
    for address in ("10.213.0.254", "10.213.7.254"):  # each small cluster has a network of its own
        own, _ = demonstration.prepare(site, slurm=small_slurm(address))
        found = settings.read(own)
        assert (found.site.profile, found.slurm.host) == ("slurm", address)
        assert not (own.hub / "certificates").exists(), "those for another address let nobody in"
        (own.hub / "certificates").mkdir()
    assert done == ["ida", "ida"]


def test_the_two_kinds_are_kept_apart(site: Site) -> None:
    demonstration.prepare(site)
    with pytest.raises(HubError, match="holds a demonstration without a cluster"):
        demonstration.prepare(site, slurm=small_slurm("10.213.0.254"))


def test_a_folder_that_holds_something_else_is_refused(site: Site) -> None:
    site.root.mkdir()
    (site.root / "sundbench.db").touch()
    with pytest.raises(HubError, match="holds no demonstration"):
        demonstration.prepare(site)
