"""A delivery made by others, frozen: each awkwardness that its README lists, handled and counted."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sundbench.site import Site
from sundbench.store.freeze import Freeze, create
from sundbench.store.quarantine import export_quarantine
from sundbench.store.vault import Vault


@pytest.fixture(scope="module")
def frozen(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Freeze]:
    root = tmp_path_factory.mktemp("osdc")
    Vault.create_key(root / "key")
    site = Site(root / "home", "", root / "key")
    return site, create(site, shared / "deliveries" / "osdc", "osdc")


def read(freeze: Freeze, register: str) -> pl.DataFrame:
    return pl.read_parquet(freeze.file(register, 0))


def test_every_row_is_accounted_for(frozen: tuple[Site, Freeze], shared: Path) -> None:
    _, freeze = frozen
    for source in freeze.manifest["sources"]:
        lines = (shared / "deliveries" / "osdc" / source["file"]).read_text().splitlines()
        assert source["read"] == len(lines) - 1
        assert source["read"] == source["kept"] + sum(source["quarantined"].values())
        assert source["unknown_columns"] == []
    assert freeze.manifest["unknown_files"] == ["README.md"]
    assert freeze.verify() == ()


def test_opaque_person_identifiers_give_24_persons(frozen: tuple[Site, Freeze]) -> None:
    _, freeze = frozen
    assert freeze.manifest["person_identifiers"] == "opaque"
    assert freeze.persons == 24
    assert read(freeze, "bef")["person"].to_list() == list(range(24))


def test_diagnoses_of_a_contact_that_does_not_exist_are_orphans(
    frozen: tuple[Site, Freeze], tmp_path: Path
) -> None:
    site, freeze = frozen
    quarantined = {s["file"]: s["quarantined"] for s in freeze.manifest["sources"] if s["quarantined"]}
    assert quarantined == {"lpr3a_diagnose.csv": {"orphan": 2}, "lpr3f_diagnoser.csv": {"orphan": 2}}
    export_quarantine(site, "osdc", tmp_path / "rows.parquet")
    keys = pl.read_parquet(tmp_path / "rows.parquet").select(pl.col("values").list.first()).to_series()
    assert keys.unique().to_list() == ["pnr04_dw02"]


def test_diagnoses_get_person_and_date_from_their_contact(frozen: tuple[Site, Freeze]) -> None:
    _, freeze = frozen
    for child, parent, key, day in [
        ("lpr_diag", "lpr_adm", "recnum", "d_inddto"),
        ("lpr3a_diagnose", "lpr3a_kontakt", "dw_ek_kontakt", "kont_starttidspunkt"),
        ("lpr3f_diagnoser", "lpr3f_kontakter", "dw_ek_kontakt", "dato_start"),
    ]:
        rows, contacts = read(freeze, child), read(freeze, parent).select("person", day, key)
        assert rows.columns[:2] == ["person", day]
        assert rows.join(contacts, on=["person", day, key], how="semi").height == rows.height


def test_both_models_of_the_same_contacts_stay_as_they_are(frozen: tuple[Site, Freeze]) -> None:
    _, freeze = frozen
    a, f = read(freeze, "lpr3a_kontakt"), read(freeze, "lpr3f_kontakter")
    both = a.join(f, on=["person", "dw_ek_kontakt"])
    assert (a.height, f.height, both.height) == (22, 20, 20)


def test_retracted_diagnoses_and_icd_8_are_kept_as_delivered(frozen: tuple[Site, Freeze]) -> None:
    _, freeze = frozen
    assert read(freeze, "lpr3a_diagnose")["senere_afkraeftet"].unique().sort().to_list() == ["Ja", "Nej"]
    codes = read(freeze, "lpr_diag")["c_diag"]
    assert codes.str.contains("^D").any()
    assert codes.str.contains("^2[45]").any()


def test_fee_weeks_are_dated_by_their_monday(frozen: tuple[Site, Freeze], shared: Path) -> None:
    site, freeze = frozen
    with Vault.open(site) as vault:
        person = vault.index_of(pl.Series(["06_t2d_oipT_endoT_majt1dF_i180F_itwo3T"]))
        assert person.to_list() in ([None], *[[n] for n in range(24)])
    delivered = pl.read_csv(shared / "deliveries" / "osdc" / "sysi.csv", infer_schema=False)["honuge"]
    weeks = read(freeze, "sysi")["honuge"]
    assert sorted(weeks.dt.strftime("%g%V").to_list()) == sorted(delivered.to_list())
    assert date(1999, 6, 14) in weeks.to_list()
