"""Follow-up on treatment: when it ends, and why."""

from datetime import date

import polars as pl
import pytest

import sundbench as sb
from sundbench.errors import StudyError

DRUG, OTHER = "B01AF02", "B01AA03"
RULES = sb.Rules(sb.fixed_days(30), grace_days=10)


def ends(cohort):
    table = cohort.table
    index = table["index"].to_pylist()
    days = [(end - start).days for end, start in zip(table["end"].to_pylist(), index, strict=True)]
    return list(zip(days, table["end_reason"].to_pylist(), strict=True))


def test_each_reason(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0)),
        people.person(2, people.gets(DRUG, 0, 40)),
        people.person(3, people.gets(DRUG, 0, 41)),
        people.person(4, people.gets(DRUG, 0), people.gets(OTHER, 20)),
        people.person(5, people.gets(DRUG, 0), people.dies(20)),
        people.person(6, people.gets(DRUG, 0, 25, 50, 75, 100)),
        people.person(7, people.gets(OTHER, 0), people.gets(DRUG, 29)),
    )
    on_treatment = sb.on_treatment(RULES)
    cohort = study(follow_up=sb.follow_up(sb.death(), max_days=90, on_treatment=on_treatment)).collect(db)
    assert ends(cohort) == [
        (29, "discontinued"),
        (69, "discontinued"),
        (29, "discontinued"),
        (20, "switched"),
        (20, "death"),
        (90, "max_days"),
        (29, "switched"),
    ]


def test_without_switching_the_other_drug_doesnt_matter(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0), people.gets(OTHER, 20)))
    on_treatment = sb.on_treatment(RULES, switching=False, lag_days=5)
    assert ends(study(follow_up=sb.follow_up(on_treatment=on_treatment)).collect(db)) == [
        (34, "discontinued")
    ]


def test_what_was_left_of_earlier_dispensings_doesnt_count(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, -400, packages=500), people.gets(DRUG, 0)))
    rules = sb.Rules(sb.fixed_days(30, each="package"))
    assert ends(study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(rules))).collect(db)) == [
        (29, "discontinued")
    ]


def test_what_is_of_both_drugs_is_no_switch(people, extract):
    drugs = {"anticoagulant": sb.dispensing("B01A"), "warfarin": sb.dispensing(OTHER)}
    population = sb.new_users(drugs, 365, same_day="first listed")
    study = sb.Study(
        population,
        (people.index, people.index),
        follow_up=sb.follow_up(on_treatment=sb.on_treatment(RULES)),
    )
    db = extract(people.person(1, people.gets(DRUG, 0), people.gets(OTHER, 20)))
    assert ends(study.collect(db)) == [(59, "discontinued")]


def test_days_in_hospital_use_up_no_supply(people, extract, study):
    admitted = pl.DataFrame(
        {
            "person": [1],
            "recnum": [1],
            "d_inddto": [people.on(10)],
            "d_uddto": [people.on(15)],
            "c_pattype": ["0"],
            "c_indm": ["1"],
        }
    )
    db = extract(people.person(1, people.gets(DRUG, 0)), more={"lpr_adm": admitted})
    on_treatment = sb.on_treatment(RULES, outside_hospital=True)
    asked = study(follow_up=sb.follow_up(on_treatment=on_treatment))
    assert ends(asked.collect(db)) == [(34, "discontinued")]
    assert "lpr_adm" in str(asked.explain(db))


def test_treatment_ends_with_the_coverage_of_dispensings(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)), coverage={"lmdb": (date(1995, 1, 1), people.on(20))})
    itt = study(outcomes={"death": sb.death()}, follow_up=sb.follow_up(max_days=90))
    treated = study(
        outcomes={"death": sb.death()},
        follow_up=sb.follow_up(max_days=90, on_treatment=sb.on_treatment(RULES)),
    )
    assert ends(itt.collect(db)) == [(90, "max_days")]
    assert ends(treated.collect(db)) == [(20, "coverage")]


def test_a_short_lag_is_noted(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)), people.person(2, people.gets(OTHER, 0)))

    def notes(lag):
        return (
            study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(RULES, lag_days=lag))).collect(db).notes
        )

    assert "bridges gaps for those alone who come back" in notes(9)[0]
    assert notes(10) == ()


def test_doses_by_the_danish_rules(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)))
    rules = sb.DanishDoses((sb.DoseRange(5, 5, 10, 5),))
    asked = study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(rules)))
    with pytest.raises(
        StudyError, match=r"follow_up, on_treatment: the extract's register lmdb lacks packsize, strnum"
    ):
        asked.check(db)
    more = {"packsize": 20.0, "strnum": 5.0}
    lmdb = pl.DataFrame(
        {"person": [1], "eksd": [people.index], "atc": [DRUG], "vnr": ["1"], "apk": [1], "eksp": [1]}
    ).with_columns(**{name: pl.lit(value) for name, value in more.items()})
    db = extract(people.person(1, people.gets(DRUG, 0)), more={"lmdb": lmdb})
    assert ends(asked.collect(db)) == [(19, "discontinued")]


def test_the_rhythm_of_purchases(people, extract, study):
    packages = pl.DataFrame(
        {
            "vnr": ["1"],
            "lower_ddd": [0.5],
            "usual_ddd": [1.0],
            "minimum_days": [20.0],
            "usual_days": [30.0],
            "maximum_days": [60.0],
        }
    )
    classes = pl.DataFrame(
        {
            "atc": ["B01A"],
            "lower_ddd": [0.5],
            "usual_ddd": [1.0],
            "minimum_days": [20.0],
            "maximum_days": [60.0],
        }
    )
    rules = sb.purchase_rhythm(packages, classes.to_pandas())
    lmdb = pl.DataFrame(
        {
            "person": [1],
            "eksd": [people.index],
            "atc": [DRUG],
            "vnr": ["1"],
            "apk": [1],
            "eksp": [1],
            "volume": [30.0],
        }
    )
    db = extract(people.person(1, people.gets(DRUG, 0)), more={"lmdb": lmdb})
    asked = study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(rules)))
    assert ends(asked.collect(db)) == [(30, "discontinued")]
    assert asked.digest != study(follow_up=sb.follow_up()).digest
    assert "PRE2DUP, 1 packages" in asked.protocol()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sb.on_treatment(30), "are no rules"),
        (lambda: sb.on_treatment(RULES, lag_days=-1), "lag_days=-1"),
        (
            lambda: sb.on_treatment(sb.Rules(sb.fixed_days(30), switch_ends_episode=True)),
            "switching between products",
        ),
        (lambda: sb.follow_up(on_treatment=RULES), "write sb.on_treatment"),
        (
            lambda: sb.Study(
                sb.new_users({"a": sb.procedure("BWHA204")}, 30),
                ("2012-01-01", "2012-12-31"),
                follow_up=sb.follow_up(on_treatment=sb.on_treatment(sb.Rules(sb.ddd()))),
            ),
            r"on_treatment, drug 'a': a procedure BWHA204 has no ddd",
        ),
        (lambda: sb.purchase_rhythm(pl.DataFrame(), pl.DataFrame()), "packages has no column vnr"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(StudyError, match=message):
        make()


def test_what_the_extract_lacks_is_named_before_reading(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)))
    for rules, lacking in ((sb.Rules(sb.ddd()), "volume"), (sb.Rules(sb.units_a_day(1)), "packsize")):
        with pytest.raises(
            StudyError, match=f"follow_up, on_treatment: the extract's register lmdb lacks {lacking}"
        ):
            study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(rules))).check(db)
    with pytest.raises(
        StudyError, match="on_treatment: outside_hospital=True: the extract has no hospital contacts"
    ):
        study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(RULES, outside_hospital=True))).check(db)


def test_dispensings_that_last_no_time_are_counted_in_an_error(people, extract, study):
    lmdb = pl.DataFrame(
        {
            "person": [1, 1],
            "eksd": [people.index, people.on(10)],
            "atc": [DRUG, DRUG],
            "vnr": ["1", "2"],
            "apk": [1, 1],
            "eksp": [1, 1],
            "volume": [30.0, None],
        }
    )
    db = extract(people.person(1, people.gets(DRUG, 0)), more={"lmdb": lmdb})
    asked = study(follow_up=sb.follow_up(on_treatment=sb.on_treatment(sb.Rules(sb.ddd()))))
    with pytest.raises(
        StudyError, match=r"study, follow_up, on_treatment: .*1 of 2 dispensings last no days"
    ):
        asked.collect(db)
