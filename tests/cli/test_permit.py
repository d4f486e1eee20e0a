import sqlite3
from pathlib import Path

import pytest

TEXT = """
id = "lung"
title = { da = "Lunge", en = "Lung [early]" }
purpose = "To learn."
basis = "FSEID-1"
members = [{ user = "bo", role = "researcher" }]
period = { since = 2010-01-01, until = 2025-12-31 }
expires = 2999-12-31
population = { everyone = true }
registers.lmdb = { columns = ["eksd", "atc"] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lung.toml"
    path.write_text(TEXT)
    return path


def test_from_registration_to_the_end(sundbench, file):
    assert sundbench("permit", "list")[:2] == (0, "no permits yet: sundbench permit create FILE\n")

    code, out, _ = sundbench("permit", "create", str(file))
    assert code == 0
    assert out.startswith("permit lung registered, digest ")
    assert "nothing changed" in sundbench("permit", "create", str(file))[1]

    file.write_text(TEXT.replace('"atc"', '"atc", "vnr"'))
    out = sundbench("permit", "create", str(file))[1]
    assert "permit lung amended: version 2" in out
    assert "  + lmdb.vnr\n" in out

    assert all(word in sundbench("permit", "list")[1] for word in ("lung", "Lung [early]", "2", "active"))
    out = sundbench("permit", "show", "lung")[1]
    assert "version 1: " in out
    assert "version 2: " in out
    assert 'columns = ["eksd", "atc", "vnr"]' in out

    assert sundbench("permit", "close", "lung", "--why", "it has ended")[:2] == (0, "permit lung closed\n")
    assert "closed (it has ended)" in sundbench("permit", "show", "lung")[1]
    code, _, err = sundbench("permit", "create", str(file))
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("error: permit lung was closed (it has ended)")


def test_what_comes_next_is_said(sundbench, file, tmp_path):
    assert "next: sundbench extract lung --freeze ID" in sundbench("permit", "create", str(file))[1]
    made = tmp_path / "home" / "extracts" / "lung" / "2026-01"
    made.mkdir(parents=True)
    (made / "extract.json").touch()
    file.write_text(TEXT.replace('"atc"', '"vnr"'))
    out = sundbench("permit", "create", str(file))[1]
    assert "still hold what the permit allowed before" in out
    assert "sundbench extract lung --freeze 2026-01" in out
    file.write_text(TEXT.replace("2999-12-31", "2020-12-31"))
    assert "it expired on 2020-12-31" in sundbench("permit", "create", str(file))[1]

    out = sundbench("permit", "close", "lung", "--why", "it has ended")[1]
    assert f"its extracts are still in {tmp_path / 'home' / 'extracts' / 'lung'}" in out


def test_a_disclosure_profile_that_does_not_exist_registers_nothing(sundbench, file):
    file.write_text(TEXT.replace("expires", 'disclosure = "lax"\nexpires'))

    code, _, err = sundbench("permit", "create", str(file))

    assert code == 1
    assert "no disclosure profile called lax" in err
    assert "no permits yet" in sundbench("permit", "list")[1]


def test_a_column_that_does_not_exist_registers_nothing(sundbench, file):
    file.write_text(TEXT.replace('"atc"', '"atx"'))

    code, out, err = sundbench("permit", "create", str(file))

    assert (code, out) == (1, "")
    assert "register lmdb has no column atx: did you mean atc?" in err
    assert "no permits yet" in sundbench("permit", "list")[1]
    file.write_text(TEXT)
    assert sundbench("permit", "create", str(file))[0] == 0


def test_wrong_usage(sundbench):
    assert sundbench("permit", "close", "lung")[0] == 2
    assert sundbench("permit", "show", "lung")[0] == 1


def test_only_stewards_register_and_close_once_there_is_one(sundbench, file):
    assert sundbench("permit", "create", str(file))[0] == 0  # nobody is a steward yet
    assert sundbench("people", "add", "eva", "--name", "Eva Dam", "--role", "steward")[0] == 0
    file.write_text(TEXT.replace('"atc"', '"vnr"'))
    for command in (("create", str(file)), ("close", "lung", "--why", "no reason")):
        code, out, err = sundbench("permit", *command)
        assert (code, out, err) == (1, "", "error: ann is no steward: ask eva\n")
    assert "active" in sundbench("permit", "list")[1]


def test_one_permit_that_can_t_be_read_hides_no_other(sundbench, file, tmp_path):
    sundbench("permit", "create", str(file))
    file.write_text(TEXT.replace('"lung"', '"heart"'))
    sundbench("permit", "create", str(file))
    with sqlite3.connect(tmp_path / "home" / "sundbench.db") as database:
        database.execute("UPDATE permit_versions SET text = 'id = ' WHERE permit_id = 'heart'")
    code, out, _ = sundbench("permit", "list")
    assert code == 0
    assert "Lung [early]" in out
    assert "heart   can't be read" in out
    assert "register the permit anew under another id" in out
