"""A release from request to report's folder, as typed."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from sundbench.cli.main import app
from sundbench.cli.screen import screen
from sundbench.release import requests
from sundbench.site import Site


@pytest.fixture
def sundbench(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(screen, "_width", 200)
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    return lambda *words: CliRunner().invoke(app, ["--home", str(site.root), *words])


def test_from_request_to_release(
    site: Site, kept: Callable[..., str], sundbench: Callable[..., Result]
) -> None:
    run = kept()
    assert run in sundbench("run", "list").stdout
    assert '"permit": "lung-cancer"' in sundbench("run", "show", run).stdout
    asked = sundbench("release", "submit", run, "--author", "anna", "--note", "small but safe")
    assert asked.exit_code == 0, asked.output
    release = requests.every(site)[0].id
    sundbench("release", "vote", release, "--reviewer", "bo", "--approve", "--comment", "fine by me")
    hidden = sundbench("release", "show", release, "--as", "kim").stdout
    assert "1 vote(s) given" in hidden
    assert "fine by me" not in hidden
    assert "fine by me" in sundbench("release", "show", release, "--as", "bo").stdout
    assert "2 of 2" in sundbench("release", "vote", release, "--reviewer", "kim", "--approve").stdout
    assert "released in" in sundbench("release", "publish", release).stdout
    assert "2 files as they were released" in sundbench("release", "verify", release).stdout
    assert "released" in sundbench("release", "list").stdout


def test_findings_are_listed_one_a_line(kept: Callable[..., str], sundbench: Callable[..., Result]) -> None:
    stopped = sundbench("release", "submit", kept(women=3), "--author", "anna")
    assert stopped.exit_code == 1
    assert "sex: sex=women, persons: 3 persons, fewer than 5; merge categories" in stopped.stdout
