"""What is missing or unsafe is said before anything starts; errors refuse the start."""

import dataclasses
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.governance import database, people
from sundbench.governance.audit.recording import recording
from sundbench.governance.models import Role
from sundbench.hub import check, passwords, r, runtime, settings
from sundbench.hub.checks import installation, machine
from sundbench.hub.checks.finding import Finding
from sundbench.sandbox.probe import Probe
from sundbench.site import Site
from tests.hub.installation import free_ports


@pytest.fixture(autouse=True)
def _sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="sundbench-test-") as folder:  # pytest's own are too long
        monkeypatch.setenv("SUNDBENCH_RUNTIME", folder)
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An installation that is up to start: one person who can log in, anchors apart, ports free."""
    monkeypatch.setenv("SUNDBENCH_ANCHORS", str(tmp_path / "anchors"))
    monkeypatch.delenv("SUNDBENCH_VAULT_KEY_FILE", raising=False)
    monkeypatch.setattr(machine, "probe", lambda: Probe(works=True, version="0.11.0", why=None))
    made = Site(tmp_path / "home", f"sqlite:///{tmp_path}/home/people.db")
    with database.writing(made) as session:
        people.add(session, "ida", "Ida Winther", [Role.ADMIN])
    passwords.put(made, "ida", "korrekt hest batteri")
    write(made, "[site]\n")
    return made


def write(site: Site, text: str) -> None:
    ports = free_ports(4)
    settings.path(site).write_text(
        f"{text}[hub]\nport = {ports[0]}\nproxy_port = {ports[1]}\nhub_port = {ports[2]}\n"
        f"[dashboards]\nport = {ports[3]}\n",
        encoding="utf-8",
    )


def found(site: Site, level: str) -> list[str]:
    return [str(finding) for finding in check.check(site) if finding.level == level]


def test_an_installation_in_order_has_no_errors_and_may_start(site: Site) -> None:
    assert found(site, "error") == []
    check.refuse(check.check(site))


def test_the_first_error_refuses_and_counts_the_others() -> None:
    findings = [Finding("error", "this is wrong", "mend it"), Finding("error", "and that")]
    with pytest.raises(HubError, match=r"this is wrong: mend it \(and 1 more: sundbench hub check\)"):
        check.refuse(findings)


def test_errors_come_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "probe", lambda: Probe(works=False, version=None, why="no namespaces"))
    levels = [finding.level for finding in check.check(site)]
    assert levels[0] == "error"
    assert levels == sorted(levels, key=("error", "warning", "note").index)
    assert "no sandbox can be made: no namespaces" in found(site, "error")


def test_wrong_settings_are_the_one_thing_said(site: Site) -> None:
    settings.path(site).write_text("[kernel]\nmemory = 'much'\n")
    assert len(check.check(site)) == 1
    assert "kernel.memory" in found(site, "error")[0]


def test_a_port_in_use_is_named_with_its_setting(site: Site) -> None:
    with socket.create_server(("127.0.0.1", settings.read(site).hub.hub_port)):
        (said,) = found(site, "error")
    assert "can't be used" in said
    assert "hub.hub_port" in said


def test_an_open_secret_is_an_error(site: Site) -> None:
    runtime.secret(site, "cookie")
    (site.hub / "secrets/cookie").chmod(0o640)
    (said,) = found(site, "error")
    assert said == f"others can read {site.hub}/secrets/cookie: chmod 600 {site.hub}/secrets/cookie"


def test_listening_to_others_without_tls_is_an_error(site: Site) -> None:
    settings.path(site).write_text('[hub]\naddress = "0.0.0.0"\nport = 18765\n')
    assert any("without TLS" in said for said in found(site, "error"))
    settings.path(site).write_text(
        '[hub]\naddress = "0.0.0.0"\nport = 18765\npublic_url = "https://bench.dk/"\n'
    )
    assert not any("without TLS" in said for said in found(site, "error"))


def test_a_vault_key_in_another_accounts_folder_is_as_it_should_be(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vaults = tmp_path / "vaults"
    vaults.mkdir(mode=0o700)
    (vaults / "vault.key").write_text("key")
    tmp_path.chmod(0o755)
    vaults.chmod(0)
    own = os.geteuid()
    if own == 0:  # root may look anywhere: look as nobody
        monkeypatch.setattr(os, "getuid", lambda: own)
        os.seteuid(65534)
    try:
        outside = dataclasses.replace(site, vault_key_file=vaults / "vault.key")
        assert list(installation.vault_key(outside, settings.Settings())) == []
    finally:
        os.seteuid(own)
        vaults.chmod(0o700)


def test_a_vault_key_within_reach_is_a_warning_that_says_what_a_demonstration_is(site: Site) -> None:
    key = site.root / "vault.key"
    key.touch(mode=0o600)
    assert any(
        f"can read the vault's key {key}: freeze and extract" in said for said in found(site, "warning")
    )
    write(site, "[site]\ndemonstration = true\n")
    assert any("this is not a protected site" in said for said in found(site, "warning"))


def test_nobody_who_can_log_in_is_a_warning(site: Site) -> None:
    passwords.remove(site, "ida")
    passwords.put(site, "ole", "korrekt hest batteri")
    said = found(site, "warning")
    assert any("nobody can log in" in one for one in said)
    assert any("not registered: ole" in one for one in said)


def test_a_database_that_is_none_is_an_error(site: Site) -> None:
    (site.root / "people.db").write_text("not a database, but a text that is long enough " * 100)
    assert any("the file is damaged or no database" in said for said in found(site, "error"))


def test_looking_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "nothing"
    check.check(Site(home, f"sqlite:///{home}/people.db"))
    assert not home.exists()


def test_an_edited_audit_log_is_an_error(site: Site) -> None:
    with recording(site, "ida") as log:
        log.record("hub.start", "hub")
        log.record("hub.stop", "hub")
    assert any("the audit log is whole" in said for said in found(site, "note"))
    segment = next(site.audit.glob("audit-*.jsonl"))
    segment.write_text(segment.read_text().replace("hub.start", "hub.smart"))
    assert any("not what its writer left" in said for said in found(site, "error"))
    assert not any(
        "audit log" in str(one) for one in check.check(site, thorough=False) if one.level == "error"
    )


def test_anchors_beside_the_log_are_unsafe(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDBENCH_ANCHORS", str(site.audit / "anchors"))
    assert any("in the log's own folder" in said for said in found(site, "error"))
    monkeypatch.delenv("SUNDBENCH_ANCHORS")
    assert any("who can change one" in said for said in found(site, "warning"))


def test_limits_that_are_not_hard_are_warnings(site: Site) -> None:
    limits = [finding for finding in check.check(site) if finding.what.startswith("limit on ")]
    assert len(limits) == 5
    assert all((": hard (" in finding.what) == (finding.level == "note") for finding in limits)


def test_an_r_kernel_that_is_asked_for_must_be_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r, "missing", lambda: ("r-base-core",))
    assert any("no R kernel" in said for said in found(site, "note"))
    write(site, "[kernel]\nr = true\n")
    assert any("the R kernel needs r-base-core" in said for said in found(site, "error"))
    assert r.offered(settings.read(site))
    write(site, "")
    assert not r.offered(settings.read(site))


def test_what_is_not_installed_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda name: None if name == "bokeh" else object())
    monkeypatch.setattr(machine.git, "installed", lambda: False)
    errors = found(site, "error")
    assert any("not installed: bokeh" in said for said in errors)
    assert any("git is not installed" in said for said in errors)
