"""``sundbench registers``: what a person and a program see."""

import json

import pytest
from typer.testing import CliRunner

from sundbench.cli.registers import app
from sundbench.cli.screen import screen
from sundbench.errors import CatalogueError
from sundbench.registers.catalogue import catalogue


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_width", 100)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_names_every_register_in_both_languages() -> None:
    output = run("list")
    assert all(name in output for name in catalogue())
    assert "Deaths in Denmark" in output
    assert "Døde i Danmark" in output
    assert "1977-2019" in output


def test_list_as_json() -> None:
    entries = {entry["name"]: entry for entry in json.loads(run("list", "--json"))}
    assert set(entries) == set(catalogue())
    assert entries["lpr_diag"]["parent"] == "lpr_adm"
    assert entries["smr"]["coverage"] == {"since": "2018-05-15", "until": None}


def test_show_lmdb() -> None:
    output = run("show", "lmdb")
    assert "Prescriptions at community pharmacies" in output
    assert "eksd (service)" in output
    assert "since 1995-01-01" in output
    assert "ATC code (ATC)" in output
    assert "CC-BY-4.0" in output


def test_show_in_danish() -> None:
    output = run("show", "bef", "--lang", "da")
    assert "Befolkningen" in output
    assert "kvinde" in output
    assert "woman" not in output


def test_show_tells_how_a_child_finds_its_person_and_date() -> None:
    assert "through t_psyk_adm by v_recnum = k_recnum" in run("show", "t_psyk_diag")
    assert "kont_starttidspunkt (from lpr3a_kontakt)" in run("show", "lpr_a_diagnose")
    assert "one row belongs to several persons" in run("show", "faik")


def test_show_marks_what_is_not_verified() -> None:
    output = run("show", "drg_forloeb")
    assert "forloeb_start ?" in output
    assert "? name or type not verified in a public source" in output
    assert "not verified" not in run("show", "dod")


def test_show_tells_units_and_missing_codes() -> None:
    assert "delivered in units of 1000 kr." in run("show", "drgsoma_hel")
    assert "delivered in units of 0.01 kr." in run("show", "sysi")
    assert "missing: 9" in run("show", "bef")


@pytest.mark.parametrize("name", sorted(catalogue()))
@pytest.mark.parametrize("lang", ["en", "da"])
def test_every_register_shows(name: str, lang: str) -> None:
    output = run("show", name, "--lang", lang)
    assert all(column in output for column in catalogue()[name].columns)


def test_show_as_json_is_the_whole_entry() -> None:
    entry = json.loads(run("show", "LPR_A_KONTAKT", "--json"))
    assert entry["name"] == "lpr3a_kontakt"
    assert entry["columns"]["prioritet"]["labels"]["ATA1"] == {"da": "akut", "en": "acute"}


def test_an_unknown_register_suggests_the_nearest() -> None:
    with pytest.raises(CatalogueError, match="did you mean lpr_diag"):
        CliRunner().invoke(app, ["show", "lpr_diags"], catch_exceptions=False)


def test_an_unknown_language_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["show", "lmdb", "--lang", "se"]).exit_code == 2
