"""`sundbench hub`: passwords and the check by hand; what runs is tested in tests/hub."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import HubError
from sundbench.governance.audit.reading import Filter, read
from sundbench.hub import passwords
from sundbench.hub.oidc import bindings
from sundbench.site import Site

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> list[str]:
    given = ["--home", str(tmp_path / "home")]
    runner.invoke(app, [*given, "people", "add", "anna", "--name", "Anna Holm"])
    return given


@pytest.fixture
def site(home: list[str]) -> Site:
    return Site.from_environment(Path(home[1]))


def test_a_drawn_password_is_printed_and_holds(home: list[str], site: Site) -> None:
    said = runner.invoke(app, [*home, "hub", "password", "anna", "--generate"]).output
    assert passwords.check(site, "anna", said.removeprefix("anna: ").strip())


def test_a_password_is_asked_for_twice(home: list[str], site: Site) -> None:
    twice = "korrekt hest batteri\n" * 2
    assert runner.invoke(app, [*home, "hub", "password", "anna"], input=twice).exit_code == 0
    assert passwords.check(site, "anna", "korrekt hest batteri")


def test_a_password_can_be_taken_away(home: list[str], site: Site) -> None:
    runner.invoke(app, [*home, "hub", "password", "anna", "--generate"])
    runner.invoke(app, [*home, "hub", "password", "anna", "--remove"])
    assert passwords.users(site) == frozenset()


def test_each_change_of_a_password_is_recorded_and_no_password(home: list[str], site: Site) -> None:
    said = runner.invoke(app, [*home, "hub", "password", "anna", "--generate"]).output
    runner.invoke(app, [*home, "hub", "password", "anna"], input="kort\n" * 2)
    runner.invoke(app, [*home, "hub", "password", "anna", "--remove"])
    records = list(read(site, Filter(action="password.change")))
    assert [(one.object, one.detail.get("removed")) for one in records] == [("anna", None), ("anna", True)]
    assert said.removeprefix("anna: ").strip() not in str(records)


def test_nobody_is_bound_to_an_account_whom_governance_doesn_t_know(home: list[str], site: Site) -> None:
    site.hub.mkdir()
    (site.hub / "settings.toml").write_text('[oidc]\nissuer = "https://login.dk"\nclient_id = "hub"\n')
    for user, said in (("ole", "sundbench people add ole"), ("anna", "")):
        result = runner.invoke(app, [*home, "hub", "identity", user, "--subject", "8d2c"])
        assert said in str(result.exception or "")
        assert bindings.account(site, user) == (None if said else ("https://login.dk", "8d2c"))


def test_only_registered_people_get_one(home: list[str]) -> None:
    result = runner.invoke(app, [*home, "hub", "password", "ole", "--generate"])
    assert isinstance(result.exception, HubError)
    assert "sundbench people add ole" in str(result.exception)


def test_the_check_exits_with_1_on_an_error(home: list[str], site: Site) -> None:
    site.hub.mkdir(mode=0o755)
    result = runner.invoke(app, [*home, "hub", "check"])
    assert result.exit_code == 1
    assert "others can read" in result.output
    assert "chmod 700" in result.output


def test_a_hub_that_is_not_up_has_the_status_1(home: list[str]) -> None:
    result = runner.invoke(app, [*home, "hub", "status"])
    assert result.exit_code == 1
    assert "not up: sundbench hub start" in result.output


def test_stopping_what_is_not_up_is_no_error(home: list[str]) -> None:
    result = runner.invoke(app, [*home, "hub", "stop"])
    assert result.exit_code == 0
    assert "no hub was up" in result.output
