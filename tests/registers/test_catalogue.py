"""The catalogue: its entries hold together, and an entry that doesn't is refused in one line."""

import csv
import re
from importlib.resources import files

import pytest

from sundbench.errors import CatalogueError
from sundbench.registers.catalogue import Catalogue, catalogue, parse

NEEDED = {
    *("bef", "dod", "vnds", "lmdb", "lpr_adm", "lpr_diag", "lpr_sksopr"),
    *("lpr3a_kontakt", "lpr3a_diagnose", "lpr3a_procregistrering", "lpr3f_kontakter", "lpr3f_diagnoser"),
    *("t_psyk_adm", "t_psyk_diag", "sysi", "sssy", "lab_forsker"),
    *("dodsaars", "dodsaasg", "dodsaarsager", "cancer", "udda", "faik"),
    *("drgsoma_hel", "drgsoma_amb", "drgsoma_kontakt", "drg_forloeb", "smr"),
}

ENTRY = """
name = "vaccine"
title = { da = "Vaccinationer", en = "Vaccinations" }
description = { da = "Én række pr. vaccination.", en = "One row a vaccination." }
aliases = ["ddv"]
subject = "pnr"
date = "dato"
dates = "service"
coverage = { since = 2015-11-15 }
sources = [{ title = "the register holder's list of variables" }]

[columns.pnr]
type = "person"
sensitivity = "person"
da = "Person"
en = "Person"

[columns.dato]
type = "date"
da = "Dato"
en = "Date"
aliases = ["vaccinationsdato"]
"""

CHILD = """
name = "batch"
title = { da = "Batcher", en = "Batches" }
description = { da = "Én række pr. batch.", en = "One row a batch." }
parent = { name = "lpr_adm", on = [["recnum", "recnum"]] }
coverage = { since = 2015-11-15 }
sources = [{ title = "none" }]

[columns.recnum]
type = "key"
sensitivity = "linking"
space = "recnum"
da = "Nummer"
en = "Number"
"""


def one_line(text: str) -> str:
    with pytest.raises(CatalogueError) as refused:
        parse(text, "vaccine.toml")
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("vaccine.toml: ")
    return message


def test_the_registers_of_the_issue_are_there() -> None:
    assert set(catalogue()) >= NEEDED


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_entry_says_what_a_reader_must_know(name: str) -> None:
    entry = catalogue()[name]
    texts = [entry.title, entry.description, *(column for column in entry.columns.values())]
    assert all(text.da.strip() and text.en.strip() for text in texts)
    assert entry.sources
    assert catalogue().date_column(name) is not None
    assert len(entry.columns) <= 30
    # A code that means "missing" is not also a code with a meaning.
    assert all(not set(column.missing) & set(column.labels) for column in entry.columns.values())


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_entry_leads_to_a_person(name: str) -> None:
    root = catalogue().root(name)
    assert root.subject is not None
    assert root.columns[root.subject].sensitivity == "person"


def test_other_peoples_names_find_registers_and_columns() -> None:
    entries = catalogue()
    assert entries["LPR_A_KONTAKT"].name == "lpr3a_kontakt"
    assert entries["lpr_a_diagnose"].resolve("DIAG_KODE_TYPE") == "diag_type"
    assert entries["bef"].resolve("foed_dag") == "foed_dato"
    assert entries["laboratorieproevesvar"].resolve("samplevalue") == "value"
    assert entries["lmdb"].resolve("pnr12") == "pnr"
    assert entries["t_psyk_adm"].resolve("recnum") == "k_recnum"
    assert "lpr_f_kontakter" in entries
    assert "no_such_register" not in entries


def test_a_misspelt_register_is_answered_with_the_nearest() -> None:
    with pytest.raises(CatalogueError, match="unknown register lmbd: did you mean lmdb"):
        catalogue()["lmbd"]
    with pytest.raises(CatalogueError, match="unknown register xyz: `sundbench registers list`"):
        catalogue()["xyz"]


def test_an_unknown_column_is_answered_with_those_there_are() -> None:
    with pytest.raises(CatalogueError, match="register dod has no column died: it has pnr, doddato"):
        catalogue()["dod"].column("died")


@pytest.mark.parametrize(
    ("space", "columns"),
    [
        ("recnum", {"lpr_adm.recnum", "lpr_diag.recnum", "lpr_sksopr.recnum", "drgsoma_hel.recnum"}),
        ("psyk_recnum", {"t_psyk_adm.k_recnum", "t_psyk_diag.v_recnum"}),
        ("dw_ek_kontakt", {"lpr3a_kontakt.dw_ek_kontakt", "lpr3f_diagnoser.dw_ek_kontakt"}),
        ("dw_ek_forloeb", {"lpr3a_kontakt.dw_ek_forloeb", "lpr3f_kontakter.dw_ek_forloeb"}),
        ("familie_id", {"bef.familie_id", "faik.familie_id"}),
    ],
)
def test_equal_keys_share_a_space(space: str, columns: set[str]) -> None:
    keys = {
        f"{name}.{own}"
        for name, entry in catalogue().items()
        for own, column in entry.columns.items()
        if column.space == space
    }
    assert keys >= columns


def test_children_take_their_date_and_person_from_their_parent() -> None:
    entries = catalogue()
    assert entries.date_column("lpr_diag") == "d_inddto"
    assert entries.date_column("lpr_sksopr") == "d_odto"
    assert entries["t_psyk_diag"].parent is not None
    assert entries["t_psyk_diag"].parent.on == (("v_recnum", "k_recnum"),)
    assert entries["faik"].parent is not None
    assert entries["faik"].parent.members
    assert entries["bef"].other_persons == ("mor_id", "far_id", "aegte_id", "e_faelle_id")


def test_diagnoses_say_how_they_are_spelled() -> None:
    entries = catalogue()
    assert {
        entries[r].columns[c].spelling for r, c in [("lpr_diag", "c_diag"), ("lpr3a_diagnose", "diag_kode")]
    } == {"leading D"}
    assert {entries[r].columns[c].spelling for r, c in [("dodsaars", "c_dod1"), ("cancer", "c_icd10")]} == {
        "no leading D"
    }


def test_amounts_say_their_unit() -> None:
    entries = catalogue()
    assert entries["sysi"].columns["bruhon"].oere == 1  # øre
    assert entries["sssy"].columns["bruhon"].oere == 100  # kroner
    assert entries["drgsoma_hel"].columns["v_totpris"].oere == 100_000  # thousands of kroner


def test_what_is_not_verified_says_so() -> None:
    spells = catalogue()["drg_forloeb"]
    assert not spells.columns["totalpris_drg"].verified
    assert spells.columns["overgangskontakt_dyreste"].verified


@pytest.mark.parametrize(
    "name", sorted(f.name for f in files("sundbench.registers").joinpath("catalogue").iterdir())
)
def test_every_file_is_named_as_its_entry(name: str) -> None:
    text = files("sundbench.registers").joinpath("catalogue", name).read_text(encoding="utf-8")
    assert f"{parse(text, name).name}.toml" == name


@pytest.mark.parametrize(
    "name",
    [
        *("bef", "lab_forsker", "lmdb", "lpr3a_diagnose", "lpr3a_kontakt", "lpr3f_diagnoser"),
        *("lpr3f_kontakter", "lpr_adm", "lpr_diag", "sssy", "sysi"),
    ],
)
def test_the_columns_of_a_real_delivery_are_known(shared, name: str) -> None:
    with (shared / "deliveries" / "osdc" / f"{name}.csv").open(encoding="utf-8") as file:
        header = next(csv.reader(file))
    entry = catalogue()[name]
    assert [column for column in header if entry.resolve(column) is None] == []


def test_adding_a_register_is_adding_one_file() -> None:
    entries = Catalogue({**catalogue(), "vaccine": parse(ENTRY, "vaccine.toml")})
    assert entries["DDV"].resolve("Vaccinationsdato") == "dato"
    assert entries.digest != catalogue().digest


def test_the_example_in_the_guide_is_an_entry(repository) -> None:
    guide = (repository / "docs" / "registers.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert example is not None
    assert parse(example[1], "docs/registers.md").resolve("ATC") == "atc"


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_names_are_found_in_any_case(name: str) -> None:
    entry = catalogue()[name.upper()]
    for own, column in entry.columns.items():
        assert {entry.resolve(known.upper()) for known in (own, *column.aliases)} == {own}


def test_the_digest_is_of_the_facts_not_of_their_order() -> None:
    backwards = dict(reversed(list(catalogue().items())))
    assert Catalogue(backwards).digest == catalogue().digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('dates = "service"', "", "date and dates stand together"),
        ('date = "dato"', 'date = "pnr"', "is of no type that dates a row"),
        ('date = "dato"', 'date = "day"', "the date day is no column"),
        ('subject = "pnr"', "", "either a subject or a parent"),
        ('subject = "pnr"', 'subject = "dato"', "the subject dato is no person column"),
        ('sensitivity = "person"', "", "columns.pnr: a column of type person, and no other"),
        ('aliases = ["vaccinationsdato"]', 'aliases = ["pnr"]', "two columns share a name"),
        ('aliases = ["vaccinationsdato"]', 'aliases = ["Dato"]', "lower case"),
        ('aliases = ["vaccinationsdato"]', "oere = 1", "only a column of type money"),
        ('type = "date"', 'type = "timestamp"', "columns.dato.type"),
        ('type = "date"', 'type = "key"', "a column of type key, and no other"),
        ("since = 2015-11-15", "since = 2015-11-15, until = 2014-01-01", "until 2014-01-01 is before since"),
        ("title = ", "titel = ", "titel"),
        ("title = {", "title = [", "not valid TOML"),
    ],
)
def test_a_wrong_entry_is_refused_in_one_line(old: str, new: str, says: str) -> None:
    assert old in ENTRY
    assert says in one_line(ENTRY.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "lpr_adm"', 'name = "lpr_adms"', "unknown parent lpr_adms"),
        ('"recnum"]]', '"number"]]', "lpr_adm has no column number"),
        ('space = "recnum"', 'space = "batch"', "give them the same type and space"),
        (
            'name = "batch"',
            'name = "batch"\naliases = ["lmdb"]',
            "two registers share the name or alias lmdb",
        ),
        ('name = "lpr_adm"', 'name = "batch"', "batch -> batch is a circle"),
    ],
)
def test_entries_that_contradict_one_another_are_refused(old: str, new: str, says: str) -> None:
    assert old in CHILD
    with pytest.raises(CatalogueError, match=says):
        Catalogue({**catalogue(), "batch": parse(CHILD.replace(old, new, 1), "batch.toml")})
