"""Every register of the catalogue can be drawn, in all its columns, and its rows make sense."""

import re
import tomllib

import numpy as np
import polars as pl
import pytest

from sundbench.registers.catalogue import Catalogue, Register, catalogue
from sundbench.registers.invented.rows import Registers
from sundbench.registers.invented.values import STORED
from tests.registers.invented.conftest import WINDOW

SPELLINGS = {
    ("ICD-10", "leading D"): r"D[A-Z]\d{2,3}[A-Z0-9]?|\d{5}",
    ("ICD-10", "no leading D"): r"[A-Z]\d{2,3}|\d{5}",
    ("ATC", None): r"[A-V]\d{2}[A-Z]{2}\d{2}",
    ("NPU", None): r"(NPU|DNK)\d{5}",
    ("SKS", None): r"[A-Z]{2,4}[A-Z0-9]+",
    ("kommune", None): r"\d{3}",
}


def columns_of(register: Register) -> list[str]:
    dated = catalogue().date_column(register.name)
    return [dated, *(name for name in register.columns if name not in {register.subject, dated})]


@pytest.fixture(scope="module", params=list(catalogue()))
def drawn(request, registers: Registers) -> tuple[Register, pl.DataFrame]:
    """One register after the other."""
    register = catalogue()[request.param]
    return register, registers.table(register.name, columns_of(register))


def test_columns_are_the_catalogues_in_an_extracts_types(drawn):
    register, table = drawn
    assert table.columns == ["person", *columns_of(register)]
    assert table.height > 0
    for name in register.columns:
        if name != register.subject:
            assert table.schema[name] == STORED[register.columns[name].type], name


def test_rows_lie_in_the_coverage_and_in_the_persons_life(drawn, people):
    register, table = drawn
    dated = catalogue().date_column(register.name)
    days = table[dated]
    if days.dtype == pl.Int32:
        assert days.min() >= 1985
        return
    numbers = days.cast(pl.Date).to_physical().to_numpy()
    since = max(WINDOW[0], np.datetime64(register.coverage.since).astype("datetime64[D]").astype(int))
    assert numbers.min() >= since
    assert numbers.max() <= WINDOW[1]
    if register.coverage.until is not None:
        assert days.cast(pl.Date).max() <= register.coverage.until
    place = {name: place for place, name in enumerate(people.name.tolist())}
    who = np.array([place[name] for name in table["person"].to_list()])
    assert (numbers >= people.birth[who]).all()
    assert (numbers <= people.death[who]).all()


def test_codes_are_of_the_columns_code_systems(drawn):
    register, table = drawn
    for name, column in register.columns.items():
        if name == register.subject or column.type not in {"code", "text"}:
            continue
        codes = table[name].drop_nulls().unique().to_list()
        if column.labels:
            assert set(codes) <= set(column.labels), name
        pattern = SPELLINGS.get((column.code_system, column.spelling))
        if pattern:
            assert all(re.fullmatch(pattern, code) for code in codes), (name, codes)


def test_children_stand_under_parents(drawn, registers):
    register, table = drawn
    if register.parent is None:
        return
    parent = catalogue()[register.parent.name]
    above = registers.table(parent.name, columns_of(parent))
    on = [(own, theirs) for own, theirs in register.parent.on]
    left, right = ["person", *(own for own, _ in on)], ["person", *(theirs for _, theirs in on)]
    assert table.join(above, left_on=left, right_on=right, how="anti").height == 0
    date = catalogue().date_column(register.name)
    if date not in register.columns:  # the parent's date is the same to the hour
        both = table.join(above, left_on=left, right_on=right, how="inner", suffix="_above")
        assert both[date].equals(both[f"{date}_above"])


def test_registers_of_the_same_contacts_have_the_same_record_numbers(registers):
    in_a = registers.table("lpr3a_kontakt", ["dw_ek_kontakt"])["dw_ek_kontakt"]
    in_f = registers.table("lpr3f_kontakter", ["dw_ek_kontakt"])["dw_ek_kontakt"]
    assert set(in_f) == set(in_a)
    assert in_a.n_unique() == len(in_a)


def test_sex_and_birth_are_the_same_wherever_they_stand(registers):
    snapshots = registers.table("bef", ["koen", "foed_dato"])
    once = snapshots.group_by("person").agg(pl.all().n_unique())
    assert once["koen"].max() == 1
    assert once["foed_dato"].max() == 1


def test_a_family_has_one_income(registers):
    income = registers.table("faik", ["familie_id", "aar", "famdisponibel_13"])
    assert (
        income.group_by("familie_id", "aar")
        .agg(pl.col("famdisponibel_13").n_unique())["famdisponibel_13"]
        .max()
        == 1
    )
    assert income["familie_id"].n_unique() < income["person"].n_unique()


def test_relatives_are_other_persons_of_the_extract(registers, people):
    kin = registers.table("bef", ["mor_id", "far_id", "aegte_id"])
    for name in ("mor_id", "far_id", "aegte_id"):
        known = kin.drop_nulls(name)
        assert known.height > 0
        assert set(known[name]) <= set(people.name.tolist())
        assert (known[name] != known["person"]).all()


def test_the_same_seed_gives_the_same_rows_in_any_order(people, registers):
    again = Registers(people, WINDOW, catalogue(), (1,))
    again.table("lmdb", ["eksd"])
    columns = ["kont_starttidspunkt", "dw_ek_kontakt", "diag_kode"]
    assert again.table("lpr3a_diagnose", columns).equals(registers.table("lpr3a_diagnose", columns))


def test_a_register_that_nobody_thought_of_works_too(people):
    entry = """
    name = "vaccine"
    title = { da = "Vaccinationer", en = "Vaccinations" }
    description = { da = "En række pr. vaccination.", en = "A row a vaccination." }
    coverage = { since = 2015-11-15 }
    subject = "pnr"
    date = "dato"
    dates = "service"
    sources = [{ title = "a list" }]
    [columns]
    pnr = { type = "person", da = "n", en = "n", sensitivity = "person" }
    dato = { type = "date", da = "d", en = "d" }
    atc = { type = "code", da = "a", en = "a", code_system = "ATC" }
    sted = { type = "text", da = "s", en = "s" }
    dosis = { type = "integer", da = "d", en = "d" }
    pris = { type = "money", da = "p", en = "p" }
    """
    known = Catalogue({"vaccine": Register.model_validate(tomllib.loads(entry))})
    table = Registers(people, WINDOW, known, (1,)).table("vaccine", ["dato", "atc", "sted", "dosis", "pris"])
    assert table.height > 100
    assert table.null_count().row(0) == (0,) * 6
