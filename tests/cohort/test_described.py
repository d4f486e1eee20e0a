"""What a researcher sees of an extract and of a register: in consoles as text, in notebooks as tables."""

import pickle
from datetime import date

import dask.dataframe as dd
import polars as pl
import pytest

import sundbench as sb
from sundbench.cohort.register import RegisterFrame


@pytest.fixture
def db(write_extract):
    rows = {
        "lmdb": pl.DataFrame({"person": [5], "eksd": [date(2012, 1, 1)], "atc": ["B01AF02"], "korr": ["0"]}),
        "lpr_diag": pl.DataFrame({"person": [5], "d_inddto": [date(2012, 1, 1)], "c_diag": ["DI489"]}),
    }
    return sb.connect(write_extract(rows, buckets=2))


def test_a_register_is_described_in_danish_and_english_with_its_codes(db):
    shown = repr(db["lmdb"].describe())
    assert shown.startswith("lmdb: Lægemiddeldatabasen / Prescriptions at community pharmacies")
    assert "ATC-kode / ATC code (ATC)" in shown
    assert "1 = rettelse: tilbageført ekspedition / correction: a dispensing reversed" in shown
    assert "ikke i udtrækket / not in the extract: vnr" in shown
    assert "pnr" not in shown


def test_a_childs_date_is_explained_by_its_parent(db):
    described = db["lpr_diag"].describe()
    assert "Indlæggelse eller kontaktens start" in repr(described)
    assert "dated by: d_inddto (lpr_adm)" in repr(described)
    assert described.columns["person"] is None


def test_notebooks_get_a_table(db):
    page = db["lmdb"].describe()._repr_html_()
    assert "<td><code>atc</code></td>" in page
    assert "<code>1</code> rettelse" in page
    assert "<script" not in page
    assert "http" not in page


def test_a_register_is_a_dask_dataframe_and_what_is_made_of_it_a_plain_one(db):
    register = db["lmdb"]
    assert isinstance(register, RegisterFrame)
    assert isinstance(register, dd.DataFrame)
    for made in (
        register[["atc"]],
        register[register["korr"] == "0"],
        register.persist(),
    ):
        assert type(made) is dd.DataFrame
    assert type(pickle.loads(pickle.dumps(register))) is dd.DataFrame
    assert register.lazy().collect().equals(db.lazy("lmdb").collect())
    assert register[["person"]].describe().compute().loc["count", "person"] == 1
    assert db["LMDB"].describe().register.name == "lmdb"


def test_the_extract_at_a_glance(db):
    shown = repr(db)
    assert "lpr_diag" in shown
    assert "Patient Register LPR2: diagnoses" in shown
    assert 'db["lmdb"].describe()' in shown
    assert "REGISTER DATA" in shown
    assert "<code>lpr_diag</code>" in db._repr_html_()


def test_invented_persons_are_said_to_be_invented(db):
    db.manifest["synthetic"] = True
    assert "INVENTED PERSONS" in repr(db)
    assert "OPDIGTEDE PERSONER" in db._repr_html_()


def test_a_damaged_extract_can_still_be_looked_at(tmp_path):
    (tmp_path / "extract.json").write_text("{")
    assert "damaged" in repr(sb.connect(tmp_path))
    assert sb.connect(tmp_path)._repr_html_() is None


def test_names_are_completed(db):
    assert db._ipython_key_completions_() == ["lmdb", "lpr_diag"]
    assert list(db) == ["lmdb", "lpr_diag"]
    assert "LMDB" in db
    assert "dod" not in db
    assert 7 not in db
    assert {"connect", "Study", "diagnosis"} <= set(dir(sb))


def test_every_public_word_has_help():
    for name in sb.__all__:
        assert (getattr(sb, name).__doc__ or "").strip(), name
