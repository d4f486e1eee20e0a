"""The engine over small hand-made extracts: boundaries, flow chart, follow-up, coverage, sameness, damage."""

import re
from datetime import date, timedelta

import polars as pl
import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.errors import StoreError, StudyError

INDEX = date(2012, 6, 1)
WARFARIN, APIXABAN = sb.dispensing("B01AA03"), sb.dispensing("B01AF02")
NEW = sb.new_users({"apixaban": APIXABAN, "warfarin": WARFARIN}, washout_days=365)
ENTRY = ("2012-01-01", "2012-12-31")
AF = sb.diagnosis("DI48")


def on(day: int) -> date:
    return INDEX + timedelta(days=day)


def gets(code: str, day: int) -> Happening:
    return Happening("dispensings", on(day), code)


def ill(code: str, day: int, kind: str = "A") -> Happening:
    return Happening("diagnoses", on(day), code, kind)


def dies(day: int) -> Happening:
    return Happening("deaths", on(day))


def person(number: int, *life: Happening, born: date = date(1950, 6, 1), sex: str = "female") -> Person:
    return Person(number, born, sex, ((date(2011, 12, 31), "Capital"),), life)


@pytest.fixture
def extract(write_extract):
    def make(*persons, buckets=1, coverage=None):
        return sb.connect(
            write_extract(registers(persons), buckets=buckets, coverage=ALWAYS | (coverage or {}))
        )

    return make


def row(db, **parts):
    cohort = sb.Study(NEW, ENTRY, **parts).collect(db)
    return cohort.table.to_pylist()[0]


@pytest.mark.parametrize(("day", "enters"), [(-366, True), (-365, False), (-1, False)])
def test_the_washout_is_the_days_before_index(extract, day, enters):
    db = extract(person(1, gets("B01AA03", day), gets("B01AF02", 0)), person(2, gets("B01AF02", 0)))
    cohort = sb.Study(NEW, (INDEX, INDEX), covariates={}).collect(db)
    assert cohort.table["person"].to_pylist() == ([1, 2] if enters else [2])


def test_the_washout_can_be_of_something_else(extract):
    db = extract(
        person(1, gets("B01AA03", -10), gets("B01AF02", 0)),
        person(2, gets("B01AC06", -10), gets("B01AF02", 0)),
    )
    population = sb.new_users({"apixaban": APIXABAN}, 365, of=sb.dispensing("B01AC06"))
    assert sb.Study(population, ENTRY).collect(db).table["person"].to_pylist() == [1]


def test_a_later_day_may_qualify(extract):
    db = extract(person(1, gets("B01AF02", -400), gets("B01AF02", -300), gets("B01AF02", 100)))
    assert row(db)["index"] == on(100)


def test_starting_two_drugs_on_one_day(extract):
    people = [person(1, gets("B01AA03", 0), gets("B01AF02", 0)), person(2, gets("B01AA03", 0))]
    db = extract(*people)
    dropped = sb.Study(NEW, ENTRY).collect(db)
    assert dropped.table["person"].to_pylist() == [2]
    assert dropped.attrition.iloc[3].to_dict() == {
        "step": "one drug alone on the index day",
        "persons": 1,
        "dropped": 1,
        "apixaban": 0,
        "warfarin": 1,
    }
    listed = sb.new_users({"apixaban": APIXABAN, "warfarin": WARFARIN}, 365, same_day="first listed")
    assert sb.Study(listed, ENTRY).collect(db).table["drug"].to_pylist() == ["apixaban", "warfarin"]


def test_the_flow_chart_adds_up(extract):
    db = extract(
        person(1, gets("B01AF02", 0), ill("DI489", -20)),
        person(2, gets("B01AA03", 0), ill("DI489", -20), born=date(2000, 1, 1)),
        person(3, gets("B01AA03", 0)),
        person(4, gets("B01AA03", -600)),
        person(5, gets("C10AA01", 0)),
        person(6, gets("B01AF02", 0), ill("DI489", -20), dies(0)),
    )
    cohort = sb.Study(
        NEW,
        ENTRY,
        require={"atrial fibrillation": AF.before(years=10).any(), "adult": sb.age() >= 18},
        outcomes={"death": sb.death()},
        follow_up=sb.follow_up(sb.death()),
    ).collect(db)
    assert cohort.attrition.to_dict("list") == {
        "step": [
            "any of the drugs",
            "from 2012-01-01 to 2012-12-31",
            "nothing of the washout in the 365 days before",
            "one drug alone on the index day",
            "atrial fibrillation",
            "adult",
            "followed for at least a day",
        ],
        "persons": [5, 4, 4, 4, 3, 2, 1],
        "dropped": [0, 1, 0, 0, 1, 1, 1],
        "apixaban": [2, 2, 2, 2, 2, 2, 1],
        "warfarin": [3, 2, 2, 2, 1, 0, 0],
    }
    assert len(cohort) == 1
    assert cohort.notes == ("nobody starts warfarin: nothing can be compared with it",)


def test_follow_up_ends_at_the_first_of_its_reasons(extract):
    db = extract(
        person(1, gets("B01AF02", 0), dies(40)),
        person(2, gets("B01AF02", 0), Happening("emigrations", on(30)), dies(40)),
        person(3, gets("B01AF02", 0)),
        person(4, gets("B01AF02", 100)),
        coverage={"lpr_diag": (date(1990, 1, 1), on(120))},
    )
    cohort = sb.Study(
        NEW,
        ENTRY,
        outcomes={"death": sb.death(), "stroke": sb.diagnosis("DI63")},
        follow_up=sb.follow_up([sb.death(), sb.emigration()], max_days=90),
    ).collect(db)
    table = cohort.table.to_pydict()
    assert table["death_time"] == [40, 30, 90, 20]
    assert table["death_event"] == [True, False, False, False]
    assert table["end_reason"] == ["death", "emigration", "max_days", "coverage"]
    assert table["end"] == [on(40), on(30), on(90), on(120)]
    assert table["stroke_event"] == [False] * 4


def test_an_outcome_counts_from_day_1_to_the_end_of_follow_up(extract):
    db = extract(
        person(1, gets("B01AF02", 0), ill("DI639", 0), ill("DI639", 10)),
        person(2, gets("B01AF02", 0), ill("DI639", 0)),
        person(3, gets("B01AF02", 0), ill("DI639", 30)),
        person(4, gets("B01AF02", 0), ill("DI639", 31)),
        person(5, gets("B01AF02", 0), ill("DI639", 10, "G")),
    )
    study = sb.Study(
        NEW, ENTRY, outcomes={"stroke": sb.diagnosis("DI63")}, follow_up=sb.follow_up(max_days=30)
    )
    table = study.collect(db).table.to_pydict()
    assert table["stroke_time"] == [10, 30, 30, 30, 30]
    assert table["stroke_event"] == [True, False, True, False, False]


def test_charlson_counts_the_graver_disease_alone(extract):
    db = extract(
        person(1, gets("B01AF02", 0)),
        person(2, gets("B01AF02", 0), ill("DE110", -10), ill("DE112", -20, "G")),
        person(
            3,
            gets("B01AF02", 0),
            ill("DC349", -10),
            ill("DC787", -9),
            ill("DI219", -1826),
            ill("DI500", -1827),
        ),
        person(4, gets("B01AF02", 0), ill("DI219", -5, "H"), ill("DI219", 0)),
        person(5, gets("B01AF02", 0), Happening("diagnoses", on(-300), "41099", "A")),
    )
    cohort = sb.Study(NEW, ENTRY, covariates={"charlson": sb.charlson(years=5)}).collect(db)
    assert cohort.frame["charlson"].to_list() == [0, 2, 7, 0, 1]


@pytest.mark.parametrize(
    ("born", "age"), [(date(1950, 6, 1), 62), (date(1950, 6, 2), 61), (date(1952, 2, 29), 60)]
)
def test_age_is_in_birthdays(extract, born, age):
    assert row(extract(person(1, gets("B01AF02", 0), born=born)), covariates={"age": sb.age()})["age"] == age


def test_region_is_that_of_the_last_snapshot_before_index(extract):
    moved = Person(
        1,
        date(1950, 1, 1),
        "male",
        (
            (date(2010, 12, 31), "Zealand"),
            (date(2011, 12, 31), "Capital"),
            (date(2012, 12, 31), "North Denmark"),
        ),
        (gets("B01AF02", 0),),
    )
    assert row(extract(moved), covariates={"region": sb.region(), "sex": sb.sex()})["region"] == "Capital"


def test_resident_means_every_day_of_the_look_back_and_the_index_day(extract):
    def lives(number, first, *life):
        snapshots = tuple((date(year, 12, 31), "Capital") for year in range(first, 2015))
        return Person(number, date(1950, 1, 1), "male", snapshots, (gets("B01AF02", 0), *life))

    db = extract(
        lives(1, 2010),
        lives(2, 2011),
        lives(3, 2010, Happening("emigrations", on(-3))),
        lives(4, 2010, dies(5)),
    )
    days = (INDEX - date(2011, 12, 31)).days
    cohort = sb.Study(
        NEW,
        ENTRY,
        covariates={"long": sb.resident(days=days + 1), "short": sb.resident(days=days)},
    ).collect(db)
    assert cohort.frame["long"].to_list() == [True, False, False, True]
    assert cohort.frame["short"].to_list() == [True, True, False, True]


def test_an_event_may_come_from_several_registers(extract):
    given = sb.dispensing("B01AF02") | sb.procedure("BOHJ19J3")
    db = extract(
        person(1, gets("B01AF02", 10), Happening("procedures", INDEX, "BOHJ19J3")),
        person(2, gets("B01AF02", 5)),
    )
    study = sb.Study(
        sb.new_users({"drug": given}, 365), ENTRY, measures={"often": given.between(0, 30).count()}
    )
    assert study.collect(db).table.to_pydict()["index"] == [INDEX, on(5)]
    assert study.collect(db).table.to_pydict()["often"] == [2, 1]


def test_the_example_of_the_guide(extract, repository, monkeypatch):
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1]
    snapshots = tuple((date(year, 12, 31), "Zealand") for year in range(2010, 2019))
    life = (gets("B01AF02", 0), gets("C10AA01", -9), ill("DI489", -99), ill("DE119", -50), ill("DK922", 20))
    db = extract(Person(1, date(1940, 1, 1), "male", snapshots, life))
    monkeypatch.setenv("SUNDBENCH_EXTRACT", str(db.root))
    names = {}
    exec(example, names)
    assert names["cohort"].table.to_pylist() == [
        {
            "person": 1,
            "drug": "apixaban",
            "index": INDEX,
            "age": 72,
            "sex": "male",
            "region": "Zealand",
            "charlson": 1,
            "statin": True,
            "bleeding_time": 20,
            "bleeding_event": True,
            "death_time": 1825,
            "death_event": False,
            "end": on(1825),
            "end_reason": "max_days",
        }
    ]


# Coverage


def test_a_washout_before_its_register_begins_is_refused(extract):
    db = extract(person(1, gets("B01AF02", 0)), coverage={"lmdb": (date(2011, 6, 1), date(2018, 12, 31))})
    message = (
        "study, population, washout: the washout of a person who enters on 2012-01-01 starts on 2011-01-01, "
        "but dispensings begin on 2011-06-01: let entry begin on 2012-05-31 or later, look back less, or say "
        "allow_truncated_lookback=True"
    )
    with pytest.raises(StudyError, match=re.escape(message)):
        sb.Study(NEW, ENTRY).collect(db)
    assert len(sb.Study(NEW, ("2012-05-31", "2012-12-31")).collect(db)) == 1
    assert len(sb.Study(NEW, ENTRY, allow_truncated_lookback=True).collect(db)) == 1


def test_a_look_back_before_its_register_begins_is_refused(extract):
    db = extract(person(1, gets("B01AF02", 0)), coverage={"lpr_diag": (date(2005, 1, 1), date(2018, 12, 31))})
    study = sb.Study(NEW, ENTRY, require={"af": AF.before(years=10).any()})
    with pytest.raises(
        StudyError, match=re.escape("study, require['af']: the look-back of a person who enters")
    ):
        study.check(db)
    sb.Study(NEW, ENTRY, covariates={"af": AF.before().any()}).check(db)


def test_icd_10_does_not_look_back_beyond_1994(extract):
    db = extract(person(1, gets("B01AF02", 0)))
    ever = sb.Study(NEW, ENTRY, covariates={"af": AF.before(years=20).any()})
    with pytest.raises(StudyError, match="diagnoses begin on 1994-01-01"):
        ever.check(db)
    both = sb.diagnosis(["DI48", "42793"])
    sb.Study(NEW, ENTRY, covariates={"af": both.before(years=20).any()}).check(db)


def test_outcomes_that_end_before_entry(extract):
    db = extract(person(1, gets("B01AF02", 0)), coverage={"dod": (date(1990, 1, 1), date(2011, 12, 31))})
    study = sb.Study(NEW, ENTRY, outcomes={"death": sb.death()}, follow_up=sb.follow_up())
    with pytest.raises(
        StudyError, match="the outcomes' registers end on 2011-12-31, before anyone could be followed"
    ):
        study.check(db)


# What the extract lacks


def test_a_register_that_the_permit_lacks(write_extract):
    tables = registers([person(1, gets("B01AF02", 0))])
    db = sb.connect(write_extract({"lmdb": tables["lmdb"]}, coverage=ALWAYS))
    for parts, message in (
        ({"require": {"af": AF.before(days=9).any()}}, "study, require['af']: a diagnosis of DI48"),
        (
            {"covariates": {"age": sb.age()}},
            "study, covariates['age']: age in whole years on the index day: the permit",
        ),
        (
            {"outcomes": {"death": sb.death()}, "follow_up": sb.follow_up()},
            "study, outcomes['death']: death: the extract has none of its registers",
        ),
        ({"follow_up": sb.follow_up(sb.emigration())}, "study, follow_up, until: emigration"),
    ):
        with pytest.raises(StudyError, match=re.escape(message)):
            sb.Study(NEW, ENTRY, **parts).check(db)


def test_a_column_that_the_permit_lacks(write_extract):
    tables = registers([person(1, gets("B01AF02", 0))])
    db = sb.connect(write_extract({"lmdb": tables["lmdb"].drop("atc")}, coverage=ALWAYS))
    with pytest.raises(StudyError, match=r"study, population, drug 'apixaban': .* register lmdb lacks atc"):
        sb.Study(NEW, ENTRY).check(db)


# Nobody


def test_an_empty_cohort_is_an_error_that_says_where_people_vanished(extract):
    db = extract(person(1, gets("B01AF02", 0)))
    study = sb.Study(NEW, ENTRY, require={"af": AF.before(days=9).any(), "adult": sb.age() >= 18})
    with pytest.raises(StudyError, match="study: nobody is left: the last 1 are dropped by 'af'"):
        study.collect(db)
    empty = study.collect(db, allow_empty=True)
    assert len(empty) == 0
    assert empty.attrition["persons"].to_list() == [1, 1, 1, 1, 0, 0]
    assert empty.frame.columns.to_list() == ["person", "drug", "index"]
    assert len(empty.notes) == 2


def test_nobody_ever_gets_the_drugs(extract):
    with pytest.raises(StudyError, match="nobody is left: no person of the extract has any of the drugs"):
        sb.Study(NEW, ENTRY).collect(extract(person(1, gets("C10AA01", 0))))


def test_of_nothing_there_is_no_mean(extract):
    """0 divided by 0 would be NaN, which compares as larger than any number."""
    statins = sb.dispensing("C10").before(days=365).mean()
    here = extract(person(1, gets("B01AF02", 0)), person(2, gets("B01AF02", 0), gets("C10AA01", -9)))
    asked = sb.Study(NEW, ENTRY, covariates={"statins": statins})
    assert dict(asked.collect(here).frame[["person", "statins"]].itertuples(index=False))[2] == 1
    assert asked.collect(here).table.column("statins").null_count == 1
    required = sb.Study(NEW, ENTRY, require={"a statin": statins >= 0})
    assert required.collect(here).frame["person"].to_list() == [2]


# Sameness

STUDY = sb.Study(
    NEW,
    ENTRY,
    covariates={
        "age": sb.age(),
        "region": sb.region(),
        "packages": sb.dispensing("B01").before(days=400).mean(),
        "statin": sb.dispensing("C10").before(days=365).count(),
    },
    outcomes={"death": sb.death()},
    follow_up=sb.follow_up([sb.death(), sb.emigration()], max_days=365),
)


def many():
    step = 2**31 // 200
    return [
        person(
            n * step + 1,
            gets("B01AF02" if n % 3 else "B01AA03", n % 50),
            *(gets("C10AA01", -d) for d in range(n % 7)),
            *([dies(60 + n)] if n % 5 == 0 else []),
            born=date(1930 + n % 50, 1 + n % 12, 3),
            sex="male" if n % 2 else "female",
        )
        for n in range(1, 200)
    ]


def test_the_same_bits_whatever_the_buckets_and_workers(extract):
    people = many()
    cohorts = [
        STUDY.collect(extract(*people, buckets=buckets), workers=workers)
        for buckets, workers in ((1, 1), (4, 1), (4, 2), (7, 4))
    ]
    assert len(cohorts[0]) == 199
    assert len({cohort.digest for cohort in cohorts}) == 1
    assert all(cohort.attrition.equals(cohorts[0].attrition) for cohort in cohorts)


def test_the_order_of_rows_in_a_bucket_does_not_matter(extract):
    db = extract(*many(), buckets=2)
    first = STUDY.collect(db)
    for register in ("lmdb", "bef", "dod"):
        for file in db.files(register):
            table = pl.read_parquet(file)
            table.sample(fraction=1, shuffle=True, seed=1).write_parquet(file)
    assert STUDY.collect(db).digest == first.digest


def test_a_cluster_gives_the_same(extract):
    from distributed import Client, LocalCluster

    db = extract(*many(), buckets=3)
    told = []
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        on_cluster = STUDY.collect(db, client=client, report=lambda *what: told.append(what))
    assert on_cluster.digest == STUDY.collect(db).digest
    assert told[-1] == ("cohort", 3, 3)


def test_progress_is_reported(extract):
    told = []
    STUDY.collect(extract(*many(), buckets=3), report=lambda *what: told.append(what))
    assert told == [("cohort", 1, 3), ("cohort", 2, 3), ("cohort", 3, 3)]


def test_the_fingerprint_is_of_study_and_extract(extract):
    db, other = extract(*many(), buckets=2), extract(*many()[:-1], buckets=2)
    assert STUDY.collect(db).fingerprint == STUDY.collect(db).fingerprint
    assert STUDY.collect(db).fingerprint != STUDY.collect(other).fingerprint
    assert STUDY.collect(db).fingerprint != sb.Study(NEW, ENTRY).collect(db).fingerprint


def test_the_table_in_pandas(extract):
    frame = STUDY.collect(extract(*many())).frame
    assert frame["drug"].cat.categories.to_list() == ["apixaban", "warfarin"]
    assert str(frame["index"].dtype).startswith("datetime64")
    assert str(frame["death_event"].dtype) == "bool"


def test_a_cohort_shown_by_itself_shows_no_rows_of_persons(extract):
    cohort = STUDY.collect(extract(person(123456789, gets("B01AF02", 0))))
    assert repr(cohort).startswith("Cohort: 1 rows (apixaban 1, warfarin 0), columns person, drug, index")
    assert "123456789" not in repr(cohort)
    assert repr(cohort).endswith("nobody starts warfarin: nothing can be compared with it")


# Damage


def test_a_missing_file_is_named(extract):
    db = extract(*many(), buckets=2)
    (db.root / "lmdb" / "bucket-00001.parquet").unlink()
    with pytest.raises(StoreError, match=r"lmdb/bucket-00001.parquet of the extract is missing"):
        STUDY.collect(db)


@pytest.mark.parametrize("where", ["footer", "pages"])
def test_a_damaged_file_is_named(extract, where):
    db = extract(*many(), buckets=2)
    file = db.root / "lmdb" / "bucket-00001.parquet"
    content = bytearray(file.read_bytes())
    if where == "footer":
        content = content[: len(content) // 2]
    else:
        content[4:200] = bytes(196)
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"lmdb/bucket-00001.parquet of the extract is damaged"):
        STUDY.collect(db)
