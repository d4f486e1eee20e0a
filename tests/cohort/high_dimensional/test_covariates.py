"""High-dimensional covariates: against plain Python over registers drawn at random, and case by case."""

import re
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from distributed import Client, LocalCluster
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import Happening, Person
from reference_extracts import ALWAYS, registers
from slow_screening import columns

import sundbench as sb
from sundbench.errors import StoreError, StudyError

INDEX = date(2012, 6, 1)
BUCKETS = 3


def on(day: int) -> date:
    return INDEX + timedelta(days=day)


def gets(code: str, day: int = -5) -> Happening:
    return Happening("dispensings", on(day), code)


def ill(code: str, day: int = -5, kind: str = "A") -> Happening:
    return Happening("diagnoses", on(day), code, kind)


@pytest.fixture
def extract(write_extract):
    """An extract of lives by person."""

    def make(lives, buckets=1, coverage=None):
        people = [
            Person(number, date(1950, 1, 1), "female", ((INDEX, "Capital"),), tuple(life))
            for number, life in lives.items()
        ]
        return sb.connect(
            write_extract(registers(people), buckets=buckets, coverage=ALWAYS | (coverage or {}))
        )

    return make


def names_and_rows(found):
    return {name: frozenset(found.matrix[:, [n]].nonzero()[0].tolist()) for n, name in enumerate(found.names)}


moments = st.integers(-40, 3).map(on)
happenings = st.one_of(
    st.builds(
        lambda day, code: Happening("dispensings", day, code),
        moments,
        st.sampled_from(["B01AF02", "B01AA03", "C10AA05", "C10AA01", "C10"]),
    ),
    st.builds(
        lambda day, code, kind: Happening("diagnoses", day, code, kind),
        moments,
        st.sampled_from(["DI489", "DI480", "DK922", "DI10", "41099", "ZZ1"]),
        st.sampled_from("ABGH"),
    ),
    st.builds(
        lambda day, code: Happening("procedures", day, code), moments, st.sampled_from(["BOHJ19J3", "KNFB20"])
    ),
    st.builds(
        lambda day, code: Happening("laboratory", day, code, values=(("value", 1.0),)),
        moments,
        st.sampled_from(["NPU27300", "NPU01566"]),
    ),
)
lives = st.dictionaries(st.integers(1, 2**31 - 1), st.lists(happenings, max_size=12), min_size=1, max_size=8)
dimensions = st.lists(
    st.sampled_from(
        [
            sb.dimension("dispensings"),
            sb.dimension("dispensings", level=4, exclude=["B01AA", "C10AA05"], name="medicine_groups"),
            sb.dimension("diagnoses", types="ABG"),
            sb.dimension("diagnoses", types="A", level=4, name="primary", exclude="DK9"),
            sb.dimension("procedures", level=4),
            sb.dimension("laboratory"),
        ]
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.name,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), lives=lives, dimensions=dimensions)
def test_the_matrix_is_what_plain_python_finds(extract, cohort_of, data, lives, dimensions):
    rows = data.draw(
        st.lists(
            st.tuples(st.sampled_from([*lives, 77]), st.integers(-10, 3).map(on)), min_size=1, max_size=12
        )
    )
    db = extract(lives, buckets=data.draw(st.integers(1, BUCKETS)))
    options = {
        "top": data.draw(st.integers(1, 4)),
        "days": data.draw(st.integers(1, 40)),
        "minimum": data.draw(st.integers(1, 2)),
        "ranking": data.draw(st.sampled_from(["folded", "prevalence"])),
    }
    cohort = cohort_of(db, rows)
    try:
        found = sb.high_dimensional(cohort, db, dimensions, workers=2, **options)
    except StudyError as error:
        assert "no code of" in str(error)  # noqa: PT017 - only some draws have no code
        found = None
    if found is None:
        from sundbench.cohort.high_dimensional.screening import Screening

        assert columns(Screening(tuple(dimensions), **options), rows, lives) == []
        return
    expected = columns(found.screening, rows, lives)
    assert list(found.names) == [one.name for one in expected]
    assert names_and_rows(found) == {one.name: one.rows for one in expected}
    assert found.columns["cut_off"].to_list() == [one.cut_off for one in expected]
    assert found.columns["persons"].to_list() == [one.persons for one in expected]
    assert found.columns["prevalence"].to_list() == [len(one.rows) / len(rows) for one in expected]
    assert found.matrix.shape == (len(rows), len(expected))
    assert found.table["columns"].sum() == len(expected)


@pytest.fixture
def many():
    """Two hundred lives over all pseudonyms, repeated purchases and diagnoses."""
    draw = np.random.default_rng(4)
    atc = ["B01AF02", "B01AA03", "C10AA05", "C10AA01", "A10BA02", "N02BE01"]
    icd = ["DI489", "DK922", "DE112", "DC349", "DI500"]
    return {
        int(person): [
            gets(atc[draw.integers(6)], -int(draw.integers(1, 400))) for _ in range(draw.integers(9))
        ]
        + [ill(icd[draw.integers(5)], -int(draw.integers(1, 400))) for _ in range(draw.integers(5))]
        for person in np.linspace(1, 2**31 - 1, 200, dtype=np.int64)
    }


def test_the_same_bits_whatever_the_buckets_workers_and_order(extract, cohort_of, many):
    rows = [(person, on(-n % 30)) for n, person in enumerate(many)]
    found = []
    for buckets, workers in ((1, 1), (7, 1), (7, 4)):
        db = extract(many, buckets=buckets)
        found.append(
            sb.high_dimensional(
                cohort_of(db, rows), db, ["diagnoses", "dispensings"], minimum=5, workers=workers
            )
        )
    for other in found[1:]:
        for part in ("data", "indices", "indptr"):
            ours, theirs = getattr(found[0].matrix, part), getattr(other.matrix, part)
            assert ours.dtype == theirs.dtype
            assert ours.tobytes() == theirs.tobytes()
        assert found[0].columns.equals(other.columns)
        assert found[0].table.equals(other.table)
    turned = sb.high_dimensional(cohort_of(db, rows[::-1]), db, ["diagnoses", "dispensings"], minimum=5)
    assert (turned.matrix[::-1] != found[0].matrix).nnz == 0


def test_the_same_on_a_cluster_of_processes(extract, cohort_of, many):
    db = extract(many, buckets=4)
    cohort = cohort_of(db, [(person, INDEX) for person in many])
    here = sb.high_dimensional(cohort, db, ["diagnoses", "dispensings"], minimum=5)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        there = sb.high_dimensional(cohort, db, ["diagnoses", "dispensings"], minimum=5, client=client)
    assert there.matrix.indices.tobytes() == here.matrix.indices.tobytes()
    assert there.columns.equals(here.columns)
    assert there.notes == here.notes


def test_a_row_that_stands_twice_is_two_rows_of_one_person(extract, cohort_of):
    db = extract({1: [gets("A10BA02")], 2: [gets("A10BA02", -20)], 3: []})
    rows = [(1, INDEX), (2, INDEX), (1, on(30)), (3, INDEX), (2, on(-19))]
    found = sb.high_dimensional(cohort_of(db, rows), db, "dispensings", minimum=2)
    assert names_and_rows(found) == {"dispensings_A10BA02_once": {0, 1, 2, 4}}
    assert found.columns["persons"].to_list() == [2]
    assert found.columns["prevalence"].to_list() == [4 / 5]
    with pytest.raises(StudyError, match="no code of dispensings tells at least 3 persons"):
        sb.high_dimensional(cohort_of(db, rows), db, "dispensings", minimum=3)


def test_a_code_of_everybody_ranks_last_and_tells_nothing(extract, cohort_of):
    db = extract({n: [gets("A10BA02"), *([gets("C10AA05")] if n < 4 else [])] for n in range(1, 6)})
    rows = [(n, INDEX) for n in range(1, 6)]
    cohort = cohort_of(db, rows)
    found = sb.high_dimensional(cohort, db, "dispensings", minimum=1, top=1)
    assert found.names == ("dispensings_C10AA05_once",)
    assert found.table.to_dict("records") == [
        {"dimension": "dispensings", "codes": 2, "common": 2, "taken": 1, "columns": 1}
    ]
    with pytest.raises(StudyError, match="no code of dispensings tells"):
        sb.high_dimensional(cohort, db, "dispensings", minimum=1, top=1, ranking="prevalence")


def test_columns_that_equal_another_are_left_out_and_named(extract, cohort_of):
    db = extract({1: [gets("A10BA02"), ill("DE119")], 2: [], 3: [ill("DK922")]})
    found = sb.high_dimensional(
        cohort_of(db, [(n, INDEX) for n in (1, 2, 3)]), db, ["diagnoses", "dispensings"], minimum=1
    )
    assert found.names == ("diagnoses_DE11_once", "diagnoses_DK92_once")
    assert found.notes == ("dispensings_A10BA02_once equals diagnoses_DE11_once and is left out",)


def test_progress_is_told_of_both_passes(extract, cohort_of, many):
    db, told = extract(many, buckets=4), []
    cohort = cohort_of(db, [(person, INDEX) for person in many])
    sb.high_dimensional(
        cohort, db, "dispensings", minimum=5, workers=1, report=lambda *what: told.append(what)
    )
    assert told == [("high-dimensional covariates", n, 8) for n in range(1, 9)]


# Registers besides those of the drawn lives


def test_services_are_summed_and_corrections_taken_off(write_extract, cohort_of):
    sssy = pl.DataFrame(
        {
            "person": [1, 1, 2, 3, 3],
            "honuge": ["2012-05-07"] * 5,
            "speciale": ["800110", "800110", "800110", "800110", "800110"],
            "ydlant": [1, 2, 1, 1, -1],
        }
    )
    lmdb = pl.DataFrame({"person": [1], "eksd": ["2012-05-07"], "atc": ["B01AF02"]})
    db = sb.connect(write_extract({"sssy": sssy, "lmdb": lmdb}))
    cohort = cohort_of(db, [(n, INDEX) for n in (1, 2, 3)])
    found = sb.high_dimensional(cohort, db, sb.dimension("services", level=2), minimum=1)
    assert names_and_rows(found) == {"services_80_once": {0, 1}, "services_80_sporadic": {0}}
    assert found.columns["cut_off"].to_list() == [1, 2]


def test_procedures_are_dated_by_whichever_day_the_permit_gives(write_extract, cohort_of):
    done = pl.DataFrame({"person": [1, 2], "d_inddto": ["2012-05-07"] * 2, "c_opr": ["KNFB20", "KNFB30"]})
    lmdb = pl.DataFrame({"person": [1], "eksd": ["2012-05-07"], "atc": ["B01AF02"]})
    db = sb.connect(write_extract({"lpr_sksopr": done, "lmdb": lmdb}))
    cohort = cohort_of(db, [(n, INDEX) for n in (1, 2, 3)])
    found = sb.high_dimensional(cohort, db, sb.dimension("procedures", level=4), minimum=2)
    assert names_and_rows(found) == {"procedures_KNFB_once": {0, 1}}


def test_hospital_medicines_by_todays_code(write_extract, cohort_of):
    smr = pl.DataFrame(
        {"person": [1, 2], "d_adm": ["2020-05-07", "2020-05-08"], "c_atc": ["L01XC18", "L01FF02"]}
    )
    lmdb = pl.DataFrame({"person": [1], "eksd": ["2012-05-07"], "atc": ["B01AF02"]})
    db = sb.connect(write_extract({"smr": smr, "lmdb": lmdb}))
    cohort = cohort_of(db, [(n, date(2020, 6, 1)) for n in (1, 2, 3)])
    found = sb.high_dimensional(cohort, db, "hospital_medicines", minimum=2)
    assert found.names == ("hospital_medicines_L01FF02_once",)


def test_diagnoses_of_lpr2_and_lpr3_are_counted_together(write_extract, cohort_of):
    lpr2 = pl.DataFrame(
        {
            "person": [1, 2],
            "d_inddto": ["2018-12-01"] * 2,
            "c_diag": ["DI489", "DI489"],
            "c_diagtype": ["A", "H"],
        }
    )
    lpr3 = pl.DataFrame(
        {
            "person": [1, 3],
            "dw_ek_kontakt": [1, 2],
            "kont_starttidspunkt": ["2019-04-01 08:00"] * 2,
            "diag_kode": ["DI480", "DI480"],
            "diag_type": ["B", "B"],
            "senere_afkraeftet": ["Nej", "Ja"],
        }
    )
    lmdb = pl.DataFrame({"person": [1], "eksd": ["2012-05-07"], "atc": ["B01AF02"]})
    db = sb.connect(write_extract({"lpr_diag": lpr2, "lpr3a_diagnose": lpr3, "lmdb": lmdb}))
    cohort = cohort_of(db, [(n, date(2019, 6, 1)) for n in (1, 2, 3)])
    found = sb.high_dimensional(cohort, db, "diagnoses", minimum=1)
    assert names_and_rows(found) == {"diagnoses_DI48_once": {0}}
    assert found.columns.loc[0, ["code", "grade"]].to_list() == ["DI48", "once"]


def test_the_example_of_the_guide(extract, repository, many):
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    example = re.search(r"## High-dimensional covariates\n.*?```python\n(.*?)```", guide, re.DOTALL)[1]
    starts = ("B01AF02", "B01AA03")
    lives = {
        person: [one for one in life if not one.code.startswith("B01A")]
        + [gets(starts[n % 2], 0)]
        + ([ill("DK922", 20)] if n % 3 else [])
        for n, (person, life) in enumerate(many.items())
    }
    db = extract(lives)
    study = sb.Study(
        sb.new_users({"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, 365),
        ("2012-01-01", "2012-12-31"),
        outcomes={"bleeding": sb.diagnosis("DK922")},
        follow_up=sb.follow_up(max_days=90),
    )
    names = {"sb": sb, "db": db, "cohort": study.collect(db)}
    exec(example.replace("top=200", "minimum=20, top=200"), names)
    assert names["found"].matrix.shape[0] == 200
    assert set(names["found"].columns["dimension"]) == {"primary", "dispensings"}
    assert names["found"].notes == ("secondary: no code of at least 20 persons",)
    assert not any("B01A" in name for name in names["best"].names)
    assert names["best"].matrix.shape == (200, len(names["best"].names))


# What is refused


@pytest.fixture
def cohort_and_db(extract, cohort_of):
    db = extract({1: [gets("A10BA02")], 2: []})
    return cohort_of(db, [(1, INDEX), (2, INDEX)]), db


def test_an_extract_without_the_register_or_the_column(write_extract, cohort_of):
    lmdb = pl.DataFrame({"person": [1], "eksd": ["2012-05-07"], "atc": ["B01AF02"]})
    lab = pl.DataFrame({"person": [1], "samplingdate": ["2012-05-07"], "value": ["5"]})
    db = sb.connect(write_extract({"lmdb": lmdb, "lab_forsker": lab}))
    cohort = cohort_of(db, [(1, INDEX)])
    message = (
        "dimension services: the extract has none of its registers: the permit must ask for sysi or sssy"
    )
    with pytest.raises(StudyError, match=message):
        sb.high_dimensional(cohort, db, ["dispensings", "services"])
    with pytest.raises(StudyError, match="register lab_forsker lacks analysiscode: the permit must ask"):
        sb.high_dimensional(cohort, db, "laboratory")


def test_a_look_back_before_the_register_begins(extract, cohort_of):
    db = extract({1: [gets("A10BA02")], 2: []}, coverage={"lmdb": (date(2012, 1, 1), date(2012, 5, 20))})
    cohort = cohort_of(db, [(1, INDEX), (2, INDEX)])
    message = (
        "high_dimensional(), dimension dispensings: the look-back of who enters on 2012-06-01 starts on "
        "2011-06-02, but dispensings begin on 2012-01-01: let entry begin on 2012-12-31 or later, look back "
        "less, or say allow_truncated_lookback=True"
    )
    with pytest.raises(StudyError, match=re.escape(message)):
        sb.high_dimensional(cohort, db, "dispensings", minimum=1)
    taken = sb.high_dimensional(cohort, db, "dispensings", minimum=1, allow_truncated_lookback=True)
    assert [note.split(":")[1] for note in taken.notes] == [" begins on 2012-01-01", " ends on 2012-05-20"]
    assert sb.high_dimensional(cohort, db, "dispensings", minimum=1, days=100).names


def test_a_damaged_or_missing_bucket_is_named(extract, cohort_of, many):
    db = extract(many, buckets=3)
    cohort = cohort_of(db, [(person, INDEX) for person in many])
    file = db.root / "lpr_diag" / "bucket-00001.parquet"
    whole = file.read_bytes()
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # all that stands before the footer
    file.write_bytes(whole[:4] + b"\0" * (pages - 4) + whole[pages:])
    with pytest.raises(
        StoreError, match=re.escape("lpr_diag/bucket-00001.parquet of the extract is damaged")
    ):
        sb.high_dimensional(cohort, db, ["dispensings", "diagnoses"], minimum=1)
    file.unlink()
    with pytest.raises(
        StoreError, match=re.escape("lpr_diag/bucket-00001.parquet of the extract is missing")
    ):
        sb.high_dimensional(cohort, db, ["dispensings", "diagnoses"], minimum=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dimensions": []}, "no dimensions"),
        ({"dimensions": "dispensing"}, "dimension('dispensing'): no such dimension: choose among diagnoses"),
        ({"dimensions": ["dispensings"] * 2}, "two dimensions are named 'dispensings'"),
        ({"top": 0}, "top=0: give a whole number"),
        ({"days": 1.5}, "days=1.5: give a whole number"),
        ({"minimum": True}, "minimum=True: give a whole number"),
        ({"ranking": "size"}, "ranking='size': choose among folded, prevalence"),
    ],
)
def test_wrong_words_are_refused(cohort_and_db, wrong, message):
    cohort, db = cohort_and_db
    with pytest.raises(StudyError, match=re.escape(message)):
        sb.high_dimensional(cohort, db, **({"dimensions": "dispensings"} | wrong))


def test_a_cohort_of_nobody_is_refused(extract, cohort_of):
    db = extract({1: [gets("A10BA02")]})
    with pytest.raises(StudyError, match="the cohort has nobody"):
        sb.high_dimensional(cohort_of(db, []), db, "dispensings")


def test_equal_rules_have_equal_fingerprints(cohort_and_db):
    cohort, db = cohort_and_db
    one, same, other = (
        sb.high_dimensional(cohort, db, dimensions, minimum=1)
        for dimensions in ("dispensings", [sb.dimension("dispensings")], sb.dimension("dispensings", level=4))
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
