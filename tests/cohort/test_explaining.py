"""The explanation of a study lists what is read, all of it and nothing else, without reading it."""

from datetime import date

import polars as pl
import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort import bucket, narrowed, scanning
from sundbench.cohort.damage import explained
from sundbench.cohort.plan import compile_study
from sundbench.cohort.views import lpr
from sundbench.errors import StoreError, StudyError

INDEX = date(2012, 6, 1)
NEW = sb.new_users(
    {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, washout_days=365
)
ENTRY = ("2012-01-01", "2012-12-31")


def someone(number):
    life = (
        Happening("dispensings", INDEX, "B01AF02"),
        Happening("dispensings", date(2012, 1, 1), "C10AA01", values=(("packages", 2),)),
        Happening("diagnoses", date(2011, 1, 1), "DI489", "A"),
        Happening("laboratory", date(2011, 1, 1), "NPU27300", values=(("value", 48.0),)),
    )
    return Person(number, date(1950, 1, 1), "female", ((date(2011, 12, 31), "Capital"),), life)


@pytest.fixture
def db(write_extract):
    """Two persons, each in a bucket of their own, with registers of LPR3 beside those of LPR2."""
    tables = registers([someone(1), someone(2**30 + 1)])
    contact = {"person": [1], "dw_ek_kontakt": [1], "kont_starttidspunkt": ["2020-01-01 08:00"]}
    stay = {"kont_sluttidspunkt": ["2020-01-03 08:00"], "kont_type": ["ALCA00"], "prioritet": ["ATA1"]}
    tables["lpr3a_kontakt"] = pl.DataFrame(contact | stay | {"lprindberetningssystem": ["LPR3"]})
    tables["lpr3a_diagnose"] = pl.DataFrame(contact | {"diag_kode": ["DI48"], "diag_type": ["A"]})
    admitted = {"person": [1], "recnum": [1], "d_inddto": ["2012-06-03"], "d_uddto": ["2012-06-05"]}
    tables["lpr_adm"] = pl.DataFrame(admitted | {"c_pattype": ["0"], "c_indm": ["1"], "c_spec": ["08"]})
    tables["vnds"] = pl.DataFrame(
        {"person": [1], "haend_dato": [date(2011, 1, 1)], "indud_kode": ["I"], "more": [0]}
    )
    return sb.connect(write_extract(tables, buckets=2, coverage=ALWAYS))


def study(**parts):
    return sb.Study(NEW, ENTRY, **parts)


STUDIES = {
    "the population alone": study(),
    "persons": study(
        require={"resident": sb.resident(days=30)}, covariates={"age": sb.age(), "sex": sb.sex()}
    ),
    "a value": study(covariates={"pills": sb.dispensing("C10").before(days=365).sum("packages")}),
    "diagnoses": study(
        require={"af": sb.diagnosis("DI48").before(years=5).any()}, covariates={"cci": sb.charlson(years=5)}
    ),
    "results and outcomes": study(
        covariates={"hba1c": sb.lab("NPU27300").before(years=5).latest()},
        outcomes={"stroke": sb.diagnosis("DI63")},
        follow_up=sb.follow_up([sb.death(), sb.emigration()], max_days=365),
    ),
    "on treatment": study(
        outcomes={"stroke": sb.outcome(sb.diagnosis("DI63"), competing=sb.death())},
        follow_up=sb.follow_up(
            sb.emigration(), on_treatment=sb.on_treatment(sb.Rules(sb.fixed_days(90)), outside_hospital=True)
        ),
        exposures={"statin": sb.exposure(sb.dispensing("C10"), sb.Rules(sb.fixed_days(30)))},
    ),
    "cases and controls": sb.Study(
        sb.matched(sb.onset(sb.diagnosis("DI48")), 1, seed=1), ("2011-01-01", "2012-12-31")
    ),
    "acute contacts": study(covariates={"af": sb.diagnosis("DI48", acute=True).before(years=5).any()}),
    "a phenotype": study(
        covariates={"hypertension": sb.phenotype("hypertension_atc").onset().before().any()}
    ),
}


@pytest.mark.parametrize("asked", STUDIES.values(), ids=STUDIES)
def test_it_lists_what_is_read_and_nothing_else(asked, db, monkeypatch):
    listed = {read.register: set(read.columns) for read in asked.explain(db).reads}
    noted: dict[str, set[str]] = {}

    def opened(paths, *, apart=False):
        """The rows themselves, noting which columns Polars asks for."""
        rows, register = scanning.opened(paths, apart=apart), paths[0].parent.name
        schema = rows.collect_schema()

        def read(columns, predicate, most, _batch):
            wanted = list(schema) if columns is None else columns
            roots = [] if predicate is None else predicate.meta.root_names()
            noted.setdefault(register, set()).update(wanted, roots)
            found = rows.collect() if predicate is None else rows.collect().filter(predicate)
            yield found.select(wanted) if most is None else found.select(wanted).head(most)

        return pl.io.plugins.register_io_source(read, schema=schema)

    for module in (bucket, narrowed, lpr):
        monkeypatch.setattr(module, "opened", opened)
    asked.collect(db, workers=1, allow_empty=True)
    assert listed == noted


def test_damage_is_also_sought_in_what_only_the_views_read(db):
    plan = compile_study(STUDIES["diagnoses"], db)
    assert "lpr3a_kontakt" not in dict(plan.registers)
    (db.root / "lpr3a_kontakt" / "bucket-00001.parquet").write_bytes(b"no Parquet")
    told = explained(plan, (0, 1), ValueError("of Polars"))
    assert str(told).startswith("lpr3a_kontakt/bucket-00001.parquet of the extract is damaged")


def test_it_prints_registers_columns_and_estimates(db):
    asked = STUDIES["diagnoses"].explain(db)
    text = str(asked)
    assert "2 buckets of 4 registers in 2 tasks; nothing has been read yet:" in text
    assert "person, eksd, atc, vnr, apk (5 of 6 columns)" in text
    assert "Estimates: at most" in text
    assert asked.rows == sum(read.rows for read in asked.reads)
    page = asked._repr_html_()
    assert "<code>lpr3a_diagnose</code>" in page
    assert "Laegemiddel" in page or "prescription" in page.lower()


def test_estimates_are_of_the_largest_task(db):
    lmdb = next(read for read in STUDIES["the population alone"].explain(db).reads if read.register == "lmdb")
    assert (lmdb.rows, lmdb.task_rows) == (4, 2)
    assert lmdb.task_bytes == 2 * (4 + 4 + 24 + 24 + 4)


def test_nothing_is_read(db, monkeypatch):
    monkeypatch.setattr(scanning.pl, "scan_parquet", lambda *_, **__: pytest.fail("reads a file"))
    STUDIES["results and outcomes"].explain(db)
    STUDIES["results and outcomes"].check(db)


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (
            {"lmdb": None},
            "population, drug 'apixaban': .*none of its registers: the permit must ask for lmdb",
        ),
        ({"lmdb": ["atc"]}, "population, drug 'apixaban': .*lmdb lacks atc: the permit must ask for that"),
        ({"lpr3a_diagnose": ["dw_ek_kontakt"]}, "lpr3a_diagnose lacks dw_ek_kontakt"),
        ({"bef": None}, r"covariates\['age'\]: .*the permit must ask for bef with foed_dato"),
    ],
)
def test_what_the_permit_lacks_is_refused_before_anything_is_read(write_extract, without, message):
    tables = registers([someone(1)])
    contact = {"person": [1], "dw_ek_kontakt": [1], "kont_starttidspunkt": ["2020-01-01 08:00"]}
    tables["lpr3a_kontakt"] = pl.DataFrame(contact | {"lprindberetningssystem": ["LPR3"]})
    tables["lpr3a_diagnose"] = pl.DataFrame(contact | {"diag_kode": ["DI48"], "diag_type": ["A"]})
    for register, columns in without.items():
        if columns is None:
            del tables[register]
        else:
            tables[register] = tables[register].drop(columns)
    db = sb.connect(write_extract(tables, coverage=ALWAYS))
    asked = study(require={"af": sb.diagnosis("DI48").before(years=5).any()}, covariates={"age": sb.age()})
    with pytest.raises(StudyError, match=message):
        asked.explain(db)


def test_a_damaged_file_is_named(db):
    (db.root / "lmdb" / "bucket-00000.parquet").write_bytes(b"no Parquet")
    with pytest.raises(StoreError, match=r"lmdb/bucket-00000.parquet of the extract is damaged"):
        STUDIES["the population alone"].explain(db)
