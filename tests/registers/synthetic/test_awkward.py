"""Each awkwardness of real deliveries is there, and what refers to something finds it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from sundbench.registers.catalogue import catalogue
from sundbench.registers.synthetic.output import FORMATS


def test_every_column_is_the_catalogues(read):
    for register in FORMATS:
        entry = catalogue()[register]
        if register in {"dodsaars", "sysi"}:  # which ended before these years
            continue
        unknown = [column for column in read(register).columns if column not in entry.columns]
        assert not unknown, register
        assert entry.subject is None or entry.subject in read(register).columns
        assert entry.date is None or entry.date in read(register).columns


def test_registers_hold_only_the_years_that_they_cover(delivery: Path):
    names = {path.name.lower() for path in delivery.iterdir()}
    assert "lpr3a_kontakt2018.csv" not in names
    assert "lpr_adm2020.csv" not in names
    assert {"lpr_adm2019.csv", "lpr3a_kontakt2019.csv", "drgsoma_hel2017.csv"} <= names
    assert not any(name.startswith("sysi") for name in names)  # it ended in 2005


def test_the_case_of_columns_changes_by_year(delivery: Path):
    assert (delivery / "bef2016.csv").read_text().startswith("pnr,referencetid")
    assert (delivery / "BEF2017.csv").read_text().startswith("PNR,REFERENCETID")


def test_formats_differ(delivery: Path):
    assert ";" in (delivery / "VNDS.csv").read_text()
    assert (delivery / "lab_forsker.parquet").exists()
    assert (delivery / "T_PSYK_ADM.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    spell = (delivery / "drg_forloeb2021.csv").read_text().splitlines()[1].split(";")
    assert "," in spell[6]  # a decimal comma
    assert "gynækologi".encode("latin-1") in (delivery / "lpr3f_kontakter2021.csv").read_bytes()


def test_lpr2_and_lpr3_overlap_in_february_2019(read):
    old, new = read("lpr_adm", 2019), read("lpr3a_kontakt", 2019)
    native = new.filter(pl.col("lprindberetningssystem") == "LPR3")
    assert old["d_inddto"].max() > "20190215"
    assert old["d_inddto"].max() < "20190302"
    assert "2019-02-02" <= native["kont_starttidspunkt"].min() < "2019-02-10"


def test_contacts_moved_from_lpr2_are_in_both(read):
    moved = read("lpr3a_kontakt", 2019).filter(pl.col("lprindberetningssystem") == "LPR2")
    old = read("lpr_adm")
    key = ["pnr", "day"]
    in_lpr2 = old.select("pnr", day=pl.col("d_inddto"))
    in_lpr3 = moved.select("pnr", day=pl.col("kont_starttidspunkt").str.slice(0, 10).str.replace_all("-", ""))
    assert len(moved) > 20
    assert in_lpr3.join(in_lpr2, on=key, how="anti").is_empty()


def test_f_holds_the_contacts_of_a_under_the_same_numbers(read):
    a, f = read("lpr3a_kontakt"), read("lpr3f_kontakter")
    assert a.select("pnr", "dw_ek_kontakt").equals(f.select("pnr", "dw_ek_kontakt"))


def test_diagnoses_jump_in_2019_and_2020(read):
    def each_contact(contacts: str, diagnoses: str, year: int) -> float:
        return len(read(diagnoses, year)) / len(read(contacts, year))

    before = each_contact("lpr_adm", "lpr_diag", 2017)
    jump = each_contact("lpr3a_kontakt", "lpr3a_diagnose", 2020)
    after = each_contact("lpr3a_kontakt", "lpr3a_diagnose", 2022)
    assert jump > before + 0.2
    assert jump > after + 0.2


def test_some_diagnoses_were_retracted_some_are_referrals_and_some_have_no_code(read):
    rows = read("lpr3a_diagnose")
    assert set(rows["senere_afkraeftet"].unique()) == {"Ja", "Nej", None}
    assert {"A", "B", "G", "H"} <= set(rows["diag_type"].unique())
    assert rows["diag_kode"].null_count() > 0


def test_corrections_cancel_a_dispensing_registered_twice(read):
    rows = read("lmdb").filter(pl.col("apk").str.contains(r"^-?\d$")).cast({"apk": pl.Int64})
    corrections = rows.filter(pl.col("apk") < 0)
    assert len(corrections) > 20
    key = ["pnr", "atc", "vnr"]
    both = corrections.join(rows.filter(pl.col("apk") > 0), on=key)
    matched = both.filter((pl.col("apk_right") == -pl.col("apk")) & (pl.col("eksd_right") <= pl.col("eksd")))
    assert corrections.join(matched, on=key, how="anti").is_empty()


def test_laboratory_values_are_text_and_some_no_number(read):
    values = read("lab_forsker")["value"]
    assert (values == "<5").sum() > 10
    assert values.is_in(["Negativ", "Ikke påvist", "Hæmolyseret"]).any()
    assert values.cast(pl.Float64, strict=False).is_not_null().mean() > 0.9


def test_people_leave_and_return_and_some_sequences_make_no_sense(read):
    moves = read("vnds")
    assert set(moves["indud_kode"].unique()) == {"I", "U"}
    ordered = moves.sort("pnr", "haend_dato")
    same = (ordered["pnr"] == ordered["pnr"].shift(1)) & (
        ordered["indud_kode"] == ordered["indud_kode"].shift(1)
    )
    assert same.sum() > 0
    assert moves["haend_dato"].max() < "2025-01-01"


def test_renumbered_persons_have_both_numbers_in_the_registers(read, delivery: Path):
    changes = pl.read_csv(delivery / "person_changes.csv", infer_schema=False)
    assert changes.columns == ["pnr", "pnr_gaeldende"]
    assert len(changes) > 0
    numbers = set(read("bef")["pnr"]) | set(read("lmdb")["pnr"])
    assert numbers & set(changes["pnr"])
    assert numbers & set(changes["pnr_gaeldende"])


def test_families_hang_together(read):
    rows = read("bef", 2021)
    known = set(rows["pnr"])
    mothers = rows["mor_id"].drop_nulls()
    assert 0.3 < len(mothers) / len(rows) < 0.9
    assert mothers.is_in(list(known)).mean() > 0.5
    spouses = rows.filter(pl.col("aegte_id").is_not_null())
    pairs = spouses.join(spouses, left_on="aegte_id", right_on="pnr")
    assert (pairs["aegte_id_right"] == pairs["pnr"]).all()
    assert (pairs["familie_id"] == pairs["familie_id_right"]).all()
    incomes = read("faik", 2021)
    assert incomes["familie_id"].n_unique() == len(incomes)
    assert set(rows["familie_id"].drop_nulls()) == set(incomes["familie_id"])


@pytest.mark.parametrize(
    ("child", "key", "parent", "own"),
    [
        ("lpr_diag", "recnum", "lpr_adm", "recnum"),
        ("lpr_sksopr", "recnum", "lpr_adm", "recnum"),
        ("lpr_sksube", "recnum", "lpr_adm", "recnum"),
        ("t_psyk_diag", "v_recnum", "t_psyk_adm", "k_recnum"),
        ("lpr3a_diagnose", "dw_ek_kontakt", "lpr3a_kontakt", "dw_ek_kontakt"),
        ("lpr3f_diagnoser", "dw_ek_kontakt", "lpr3f_kontakter", "dw_ek_kontakt"),
        ("lpr3a_procregistrering", "dw_ek_kontakt", "lpr3a_kontakt", "dw_ek_kontakt"),
    ],
)
def test_children_find_their_parents_but_for_the_planted_orphans(read, truth, child, key, parent, own):
    parents = read(parent)[own]
    assert parents.n_unique() == len(parents)
    orphans = read(child).filter(~pl.col(key).is_in(parents.implode()) | pl.col(key).is_null())
    assert len(orphans) == truth["refused"]["orphans"].get(child, 0)


def test_nobody_has_events_after_death_or_while_abroad(read):
    deaths = read("dod").select("pnr", "doddato")
    for register, date in (("lmdb", "eksd"), ("lpr_adm", "d_inddto"), ("lpr3f_kontakter", "dato_start")):
        late = read(register).join(deaths, on="pnr").filter(pl.col(date) > pl.col("doddato"))
        assert late.is_empty(), register
