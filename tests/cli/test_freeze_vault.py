"""``sundbench vault`` and ``sundbench freeze``: what they print, and how they end."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import StoreError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("SUNDBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SUNDBENCH_VAULT_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "lmdb2020.csv").write_text("PNR,EKSD,ATC,ODD\na,20200101,B01,\nb,20200231,B01,\n")
    (folder / "notes.txt").touch()
    return folder


def test_from_key_to_verified_freeze(run: CliRunner, tmp_path: Path, delivery: Path) -> None:
    assert run.invoke(app, ["vault", "key", str(tmp_path / "key")]).exit_code == 0
    made = run.invoke(app, ["freeze", "create", str(delivery), "--id", "2020"])
    assert made.exit_code == 0, made.output
    assert "1 eksd: not a date" in made.output
    assert "ODD" in made.output
    assert "not read, since no register is named so: notes.txt" in made.output
    assert "1 persons in 1 buckets" in made.output
    assert "2020" in run.invoke(app, ["freeze", "list"]).output
    assert "lmdb2020.csv" in run.invoke(app, ["freeze", "show", "2020"]).output
    assert "freeze 2020 is whole" in run.invoke(app, ["freeze", "verify", "2020"]).output
    assert "eksd: not a date" in run.invoke(app, ["freeze", "quarantine", "2020"]).output
    rows = tmp_path / "rows.parquet"
    assert run.invoke(app, ["freeze", "quarantine", "2020", "--export", str(rows)]).exit_code == 0
    assert rows.exists()


def test_files_that_were_read_whole_are_counted_not_listed(
    run: CliRunner, tmp_path: Path, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for year in range(2000, 2020):
        (delivery / f"lmdb{year}.csv").write_text(f"PNR,EKSD,ATC\na,{year}0101,B01\n")
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    made = run.invoke(app, ["freeze", "create", str(delivery), "--id", "2020"])
    assert made.exit_code == 0, made.output
    lines = [line.split() for line in made.stdout.splitlines()]
    assert ["register", "files", "read", "kept", "copies", "quarantined"] in lines
    assert ["lmdb", "21", "22", "21", "0", "1"] in lines
    assert ["all", "21", "22", "21", "0", "1"] in lines
    assert "lmdb2020.csv" in made.stdout
    assert "lmdb2019.csv" not in made.stdout


def test_a_damaged_freeze_fails_to_verify(run: CliRunner, tmp_path: Path, delivery: Path) -> None:
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    run.invoke(app, ["freeze", "create", str(delivery), "--id", "2020"])
    page = tmp_path / "home" / "freezes" / "2020" / "quality.html"
    page.chmod(0o644)
    page.write_text("other")
    done = run.invoke(app, ["freeze", "verify", "2020"])
    assert "quality.html: damaged" in done.output
    assert isinstance(done.exception, StoreError)


def test_opt_outs_are_counted_and_not_shown(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    (tmp_path / "no.txt").write_text("\ufeff610180-1234\n\n6101801234\nx\n", encoding="utf-8")
    done = run.invoke(app, ["vault", "opt-out", str(tmp_path / "no.txt")])
    assert "2 identifiers added; 2 are on the list" in done.output
    # A heading, a lost zero or another spelling would else leave a person in all extracts, silently.
    assert "of the 2 in this file the vault doesn't know 2" in done.output
    assert "still in the extracts" not in done.output
    (tmp_path / "home" / "extracts" / "lung" / "2020").mkdir(parents=True)
    (tmp_path / "home" / "extracts" / "lung" / "2020" / "extract.json").touch()
    (tmp_path / "more.txt").write_text("y\n")
    more = run.invoke(app, ["vault", "opt-out", str(tmp_path / "more.txt")])
    assert "still in the extracts there are: run `sundbench extract`" in more.output
    shown = run.invoke(app, ["vault", "show"]).output
    assert "0 persons, 0 identifiers" in shown
    assert "3 identifiers of persons who said no" in shown
    assert "6101801234" not in done.output + shown


def test_an_opt_out_can_be_withdrawn_and_is_counted(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    (tmp_path / "no.txt").write_text("6101801234\nx\n")
    run.invoke(app, ["vault", "opt-out", str(tmp_path / "no.txt")])
    (tmp_path / "yes.txt").write_text("610180-1234\n")
    done = run.invoke(app, ["vault", "opt-in", str(tmp_path / "yes.txt")])
    assert "1 identifiers taken off; 1 are on the list" in done.output
    again = run.invoke(app, ["vault", "opt-in", str(tmp_path / "yes.txt")])
    assert "none of the 1 in this file was on the list" in again.output


def test_opt_outs_are_the_steward_s_once_there_is_one(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    run.invoke(app, ["people", "add", "eva", "--name", "Eva Dam", "--role", "steward"])
    (tmp_path / "no.txt").write_text("x\n")
    for command in ("opt-out", "opt-in"):
        done = run.invoke(app, ["vault", command, str(tmp_path / "no.txt")], env={"SUNDBENCH_USER": "bo"})
        assert str(done.exception) == "bo is no steward: ask eva"
        allowed = run.invoke(app, ["vault", command, str(tmp_path / "no.txt")], env={"SUNDBENCH_USER": "eva"})
        assert allowed.exit_code == 0


def test_a_new_key_is_the_steward_s_to_give_and_recorded(run: CliRunner, tmp_path: Path) -> None:
    for name in ("key", "new"):
        run.invoke(app, ["vault", "key", str(tmp_path / name)])
    run.invoke(app, ["people", "add", "eva", "--name", "Eva Dam", "--role", "steward"])
    (tmp_path / "no.txt").write_text("x\n")
    eva, rotate = {"SUNDBENCH_USER": "eva"}, ["vault", "rotate", str(tmp_path / "new")]
    run.invoke(app, ["vault", "opt-out", str(tmp_path / "no.txt")], env=eva)

    assert str(run.invoke(app, rotate, env={"SUNDBENCH_USER": "bo"}).exception) == "bo is no steward: ask eva"
    done = run.invoke(app, rotate, env=eva)
    assert done.exit_code == 0, done.output
    assert f"with the new key: now export SUNDBENCH_VAULT_KEY_FILE={tmp_path / 'new'}" in done.stdout
    assert "sealed with that key already" in run.invoke(app, rotate, env=eva).stdout
    assert "sealed with another key" in str(run.invoke(app, ["vault", "show"]).exception)
    shown = run.invoke(app, ["vault", "show"], env={"SUNDBENCH_VAULT_KEY_FILE": str(tmp_path / "new")})
    assert "1 identifiers of persons who said no" in shown.stdout
    recorded = run.invoke(app, ["audit", "show", "--action", "vault.rotate"]).stdout
    assert recorded.count(" eva ") == 1, "nothing was done the second time"


def test_a_key_is_not_overwritten(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    done = run.invoke(app, ["vault", "key", str(tmp_path / "key")])
    assert isinstance(done.exception, StoreError)


def test_without_an_id_the_usage_is_wrong(run: CliRunner, delivery: Path) -> None:
    assert run.invoke(app, ["freeze", "create", str(delivery)]).exit_code == 2
