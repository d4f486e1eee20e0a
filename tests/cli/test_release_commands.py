"""The commands of studies, runs, releases and reports, as typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sundbench.cli.main import app
from sundbench.cli.screen import screen
from sundbench.errors import ReleaseError, StudyError
from sundbench.release import signing
from sundbench.site import Site

STUDY = """
id = "tiny"
title = {da = "Lille", en = "Tiny"}
description = {da = "Et studie", en = "A study"}
permit.registers.bef = ["koen"]
[parameters.price]
type = "number"
default = 5.0
min = 0
max = 10
unit = "kr."
label = {da = "Pris", en = "Price"}
"""

Sundbench = Callable[..., Result]


@pytest.fixture
def sundbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sundbench:
    folder = tmp_path / "analyses" / "tiny"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "analysis.ipynb").write_text("{}")
    monkeypatch.setenv("SUNDBENCH_ANALYSES", str(folder.parent))
    monkeypatch.setattr(screen, "_width", 200)
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    return lambda *words: CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *words])


def test_studies_show_their_parameters_with_types_and_domains(sundbench: Sundbench) -> None:
    assert "tiny" in sundbench("study", "list").stdout
    shown = sundbench("study", "show", "tiny").stdout
    for part in ("price", "number", "5.0", "0 to 10", "kr.", "Price", "bef", "koen"):
        assert part in shown


def test_run_takes_a_study_or_a_command(sundbench: Sundbench) -> None:
    assert "Run a study on a permit's extract" in sundbench("run", "tiny", "--help").stdout
    assert "Run a run again" in sundbench("run", "reproduce", "--help").stdout
    assert sundbench("run", "list").exit_code == 0


def test_a_wrong_parameter_is_one_line_before_anything_runs(sundbench: Sundbench) -> None:
    refused = sundbench("run", "tiny", "--permit", "lung-cancer", "-p", "price=11")
    assert isinstance(refused.exception, StudyError)
    assert str(refused.exception) == "parameter price: 11.0 is outside its domain: 0 to 10"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "tiny", "--permit", "lung-cancer", "--workers", "4"),  # without --on slurm
        ("run", "tiny", "--permit", "x", "-p", "price"),
        ("run", "tiny", "--permit", "x", "-p", "price=1", "-p", "price=2"),
        ("run", "tiny"),
        ("release", "vote", "r1", "--approve", "--reject"),
        ("release", "vote", "r1"),
    ],
)
def test_wrong_usage_is_2(sundbench: Sundbench, words: tuple[str, ...]) -> None:
    assert sundbench(*words).exit_code == 2


def test_releases_and_reports_that_are_not_there(sundbench: Sundbench) -> None:
    assert "release" in sundbench("release", "list").stdout
    for words in (
        ("release", "show", "r1"),
        ("release", "publish", "r1"),
        ("release", "submit", "run-1", "--author", "anna"),
        ("report", "publish", "drug_cost_effectiveness", "--release", "r1"),
        ("report", "publish", "none", "--release", "r1"),
        ("run", "show", "run-1"),
    ):
        assert isinstance(sundbench(*words).exception, ReleaseError), words


def test_reports_are_listed(sundbench: Sundbench) -> None:
    assert "drug_cost_effectiveness" in sundbench("report", "list").stdout


def test_a_run_is_shown_only_as_it_was_signed(sundbench: Sundbench, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "runs" / "tiny-1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"manifest": {"run": "tiny-1"}, "signature": "00"}))
    shown = sundbench("run", "show", "tiny-1")
    assert isinstance(shown.exception, ReleaseError)
    assert "signature can't be checked" in str(shown.exception)


def test_a_new_key_is_the_admin_s_to_make_and_recorded(
    sundbench: Sundbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDBENCH_USER", "ida")
    monkeypatch.setenv("SUNDBENCH_RUNTIME", str(tmp_path / "runtime"))
    sundbench("people", "add", "ida", "--name", "Ida Winther", "--role", "admin")
    assert "there is no key yet" in str(sundbench("release", "renew-key").exception)
    site = Site.from_environment(tmp_path / "home")
    signature = signing.sign(site, {"a": 1})
    told = sundbench("release", "renew-key").stdout.split()
    signing.verify(site, {"a": 1}, signature, "it")
    assert (site.root / "keys" / f"manifest-{told[told.index('what') + 1]}.pub").exists()
    recorded = sundbench("audit", "show", "--action", "key.renew", "--whole").stdout
    assert recorded.count("key.renew") == 1
    assert told[1] in recorded
    monkeypatch.setenv("SUNDBENCH_USER", "bo")
    assert str(sundbench("release", "renew-key").exception) == "bo is no admin: ask ida"
