"""`sundbench audit`, and what other commands leave in the log."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sundbench.cli.main import app
from sundbench.cli.screen import screen
from sundbench.errors import AuditError
from sundbench.governance.audit.recording import recording
from sundbench.site import Site

PERMIT = """
id = "lung"
title = { da = "Lunge", en = "Lung" }
purpose = "To learn."
basis = "FSEID-1"
members = [{ user = "bo", role = "researcher" }]
period = { since = 2010-01-01, until = 2025-12-31 }
expires = 2999-12-31
population = { everyone = true }
registers.lmdb = { columns = ["eksd", "atc"] }
"""

Sundbench = Callable[..., Result]


@pytest.fixture
def sundbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sundbench:
    monkeypatch.setenv("SUNDBENCH_USER", "ann")
    monkeypatch.setattr(screen, "_width", 200)
    monkeypatch.setenv("SUNDBENCH_RUNTIME", str(tmp_path / "runtime"))
    for name in ("SUNDBENCH_DATABASE", "SUNDBENCH_ANCHORS"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *words])


@pytest.fixture
def used(sundbench: Sundbench, tmp_path: Path) -> Sundbench:
    """An installation in which people and a permit were registered, and code was run."""
    file = tmp_path / "lung.toml"
    file.write_text(PERMIT)
    assert sundbench("people", "add", "bo", "--name", "Bo Lind", "--role", "researcher").exit_code == 0
    assert sundbench("permit", "create", str(file)).exit_code == 0
    assert sundbench("permit", "create", str(file)).exit_code == 0  # says the same: nothing to record
    file.write_text(PERMIT.replace('"atc"', '"atc", "vnr"'))
    assert sundbench("permit", "create", str(file)).exit_code == 0
    with recording(Site.from_environment(tmp_path / "home"), "bo") as recorder:
        recorder.record("execute", "kernel-1", permit="lung", code="=1+1\nprint('[red]æ\x1b[2J\u202e')")
        recorder.record("execute", "kernel-2", permit="other", code="y")
    assert sundbench("permit", "close", "lung", "--why", "it has ended").exit_code == 0
    return sundbench


def test_what_people_and_permits_go_through_is_recorded(used: Sundbench) -> None:
    shown = used("audit", "show", "--user", "ann").stdout
    assert [line.split()[5] for line in shown.splitlines()[1:]] == [
        "people.change",
        "permit.create",
        "permit.amend",
        "permit.close",
    ]
    assert "lmdb.vnr" in shown
    assert "why=it has ended" in shown


def test_filters(used: Sundbench) -> None:
    assert used("audit", "show", "--project", "lung", "--action", "permit").stdout.count("permit.") == 3
    assert used("audit", "show", "--action", "execute").stdout.count("kernel-") == 2
    assert used("audit", "show", "--action", "exec").stdout == "nothing was recorded of that kind\n"
    assert "nothing was recorded" in used("audit", "show", "--since", "2999-01-01").stdout
    assert "nothing was recorded" in used("audit", "show", "--until", "2000-01-01").stdout
    assert used("audit", "show", "--last", "1").stdout.count("\n") == 2
    wrong = used("audit", "show", "--since", "yesterday")
    assert (wrong.exit_code, "is no day or moment" in wrong.output) == (2, True)


def test_recorded_code_does_nothing_to_the_screen(used: Sundbench) -> None:
    shown = used("audit", "show", "--user", "bo", "--whole").stdout
    assert "[red]æ" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_verify_tells_the_head_and_takes_it_again(used: Sundbench, tmp_path: Path) -> None:
    told = used("audit", "verify")
    assert told.exit_code == 0
    head = told.stdout.split("head ")[1].split()[0]
    assert used("audit", "verify", "--head", head).exit_code == 0
    log = tmp_path / "home" / "audit" / "audit-000001.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Bo Lind", b"Bo Lund"))
    broken = used("audit", "verify")
    assert isinstance(broken.exception, AuditError)
    assert "edited or swapped" in broken.stdout
    assert isinstance(used("audit", "export", "--project", "lung").exception, AuditError)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_export_of_one_project(used: Sundbench, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"lung.{kind}"
    options = ["--project", "lung", "--since", "2020-01-01", "--format", kind, "--out", str(out)]
    assert used("audit", "export", *options).exit_code == 0
    if kind == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        codes = [row["detail"].get("code") for row in rows]
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        codes = [json.loads(row["detail"]).get("code") for row in rows]
    assert {row["permit"] for row in rows} == {"lung"}
    assert "=1+1\nprint('[red]æ\x1b[2J\u202e')" in codes
    assert rows[-1]["action"] == "audit.export"  # the export tells of itself
    assert out.stat().st_mode & 0o077 == 0
    nowhere = used("audit", "export", "--project", "lung", "--out", str(tmp_path / "no" / "x"))
    assert isinstance(nowhere.exception, AuditError)


def test_export_of_the_whole_log(used: Sundbench) -> None:
    rows = [json.loads(line) for line in used("audit", "export").stdout.splitlines()]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert {None, "lung"} <= {row["permit"] for row in rows}, "log-ins and people belong to no project"
    assert (rows[-1]["action"], rows[-1]["object"]) == ("audit.export", "the whole log")


def test_a_formula_is_no_formula_in_a_spreadsheet(sundbench: Sundbench, tmp_path: Path) -> None:
    with recording(Site.from_environment(tmp_path / "home"), "bo") as recorder:
        recorder.record("contents.save", "=HYPERLINK(1).ipynb", permit="lung")
    shown = sundbench("audit", "export", "--project", "lung", "--format", "csv").stdout
    assert "'=HYPERLINK(1).ipynb" in shown


def test_nothing_is_old_enough(used: Sundbench) -> None:
    assert used("audit", "retire").stdout == "nothing is old enough\n"


def test_what_cannot_be_recorded_is_not_done(used: Sundbench, tmp_path: Path) -> None:
    for path in (tmp_path / "home" / "audit").glob("audit-*.jsonl"):
        path.unlink()
    refused = used("people", "add", "eve", "--name", "Eve")
    assert isinstance(refused.exception, AuditError)
    assert "eve" not in used("people", "list").stdout


def test_another_account_is_told_so_in_one_line(used: Sundbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> list[object]:
        raise PermissionError(13, "Permission denied", "/home/audit")

    monkeypatch.setattr("sundbench.governance.audit.reading.segments", forbidden)
    refused = used("audit", "show")
    assert isinstance(refused.exception, AuditError)
    assert str(refused.exception) == (
        "/home/audit: Permission denied: run as the account that owns the audit log"
    )


def test_who_asks_for_a_run_is_recorded_also_where_it_is_refused(used: Sundbench) -> None:
    refused = used("run", "drug_cost_effectiveness", "--permit", "lung", "-p", "horizon_years=3")
    assert "closed" in str(refused.exception)
    shown = used("audit", "show", "--action", "run.start").stdout
    assert "drug_cost_effectiveness" in shown
    assert "horizon_years" in shown
