"""`sundbench people`: roles are given by name, and shown."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> list[str]:
    return ["--home", str(tmp_path)]


def test_a_person_gets_roles_and_is_listed(home: list[str]) -> None:
    given = ["people", "add", "rikke", "--name", "Rikke Friis", "--role", "reviewer", "--role", "steward"]
    assert runner.invoke(app, [*home, *given]).exit_code == 0
    listed = runner.invoke(app, [*home, "people", "list"]).output
    assert "Rikke Friis" in listed
    assert "reviewer, steward" in listed


def test_adding_again_replaces_the_roles(home: list[str]) -> None:
    runner.invoke(app, [*home, "people", "add", "rikke", "--name", "Rikke Friis", "--role", "reviewer"])
    runner.invoke(app, [*home, "people", "add", "rikke", "--name", "Rikke Friis"])
    assert "reviewer" not in runner.invoke(app, [*home, "people", "list"]).output


def test_an_unknown_role_is_wrong_usage_and_adds_nobody(home: list[str]) -> None:
    result = runner.invoke(app, [*home, "people", "add", "rikke", "--name", "Rikke", "--role", "boss"])
    assert result.exit_code == 2
    assert "give one of" in result.output
    assert "rikke" not in runner.invoke(app, [*home, "people", "list"]).output


def test_people_are_the_business_of_stewards_and_administrators_once_there_is_one(
    home: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ["people", "add", "eva", "--name", "Eva Dam", "--role", "steward"]
    assert runner.invoke(app, [*home, *first]).exit_code == 0
    monkeypatch.setenv("SUNDBENCH_USER", "mads")
    refused = runner.invoke(app, [*home, "people", "add", "mads", "--name", "Mads", "--role", "admin"])
    assert "mads is no steward or admin: ask eva" in str(refused.exception)
    monkeypatch.setenv("SUNDBENCH_USER", "eva")
    assert runner.invoke(app, [*home, "people", "add", "mads", "--name", "Mads"]).exit_code == 0
    assert "admin" not in runner.invoke(app, [*home, "people", "list"]).output
