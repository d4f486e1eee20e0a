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
