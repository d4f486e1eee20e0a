"""What the hub's processes are started with: the site's names, and no one else's secrets."""

from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.supervisor import programs
from sundbench.hub.supervisor.table import MARK
from sundbench.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "home", "postgresql://bench@db/bench", vault_key_file=tmp_path / "vault.key")


def test_no_process_of_the_hub_is_given_the_vaults_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDBENCH_VAULT_KEY_FILE", "/etc/vault.key")
    environment = programs.surroundings(site)
    assert not any("vault.key" in value for value in environment.values())


def test_each_is_told_the_site_and_marked_as_its_own(site: Site) -> None:
    environment = programs.surroundings(site)
    assert environment["SUNDBENCH_HOME"] == environment[MARK] == str(site.root)
    assert environment["SUNDBENCH_DATABASE"] == site.database_url


def test_the_audit_writer_comes_first_and_anchors_as_the_operator_says(site: Site) -> None:
    site.hub.mkdir(parents=True)
    (site.hub / "settings.toml").write_text("[audit]\nanchor_seconds = 7\nanchor_records = 99\n")
    first, second = programs.programs(site)
    assert (first.name, second.name) == (programs.AUDIT, programs.HUB)
    assert list(first.command[3:]) == ["--anchor-seconds", "7", "--anchor-records", "99"]


def test_what_is_not_up_does_not_answer(site: Site) -> None:
    assert not programs.audit_answers(site)


def test_a_missing_hub_config_is_said_in_one_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDBENCH_HUB_CONFIG", str(tmp_path))
    with pytest.raises(HubError, match=r"jupyterhub_config\.py is not there: set SUNDBENCH_HUB_CONFIG"):
        programs.programs(site)
