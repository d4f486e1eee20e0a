"""Populations over hand-made extracts: sameness, short sets, what is refused."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort import engine
from sundbench.errors import StudyError

DAY = date(2012, 6, 1)
ENTRY = ("2012-01-01", "2012-12-31")
ILL = sb.diagnosis("DC50")
SNAPSHOTS = ((date(2011, 12, 31), "Capital"),)


def person(number, *life, born=date(1950, 6, 1), **more):
    return Person(number, born, "female", SNAPSHOTS, life, **more)


def ill(day=0, code="DC500"):
    return Happening("diagnoses", DAY + timedelta(day), code, "A")


@pytest.fixture
def extract(write_extract):
    def make(*people, buckets=1, without=()):
        tables = registers(people)
        tables["bef"] = tables["bef"].drop(without)
        return sb.connect(write_extract(tables, buckets=buckets, coverage=ALWAYS))

    return make


def many():
    step = 2**31 // 300
    return [
        person(n * step + 1, *([ill(n % 40)] if n % 9 == 0 else []), born=date(1950 + n % 2, 3, 1))
        for n in range(1, 300)
    ]


MATCHED = sb.Study(
    sb.matched(cases=sb.onset(ILL), ratio=4, seed=7),
    ENTRY,
    require={"lucky": ~sb.diagnosis("DI21").before().any()},
    covariates={"age": sb.age()},
    outcomes={"illness": ILL},
    follow_up=sb.follow_up([sb.death()]),
)


def test_the_same_bits_whatever_the_buckets_and_workers(extract):
    cohorts = [
        MATCHED.collect(extract(*many(), buckets=buckets), workers=workers)
        for buckets, workers in ((1, 1), (5, 2), (7, 4))
    ]
    assert len({cohort.digest for cohort in cohorts}) == 1
    assert len(cohorts[0]) == 33 * 5
    assert not any("fewer" in note for note in cohorts[0].notes)


def test_a_cluster_gives_the_same_and_progress_tells_both_passes(extract):
    from distributed import Client, LocalCluster

    db, told = extract(*many(), buckets=3), []
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        found = MATCHED.collect(db, client=client, report=lambda *what: told.append(what))
    assert found.digest == MATCHED.collect(db).digest
    assert ("cohort", 3, 3) in told
    assert told[-1] == ("cohort: controls, round 1", 3, 3)


def test_controls_do_not_depend_on_other_cases(extract):
    """Without the first case, who was no one's control, all other sets are as they were."""
    all_sets = sets(MATCHED.collect(extract(*many())))
    cases = [n for n in all_sets if not any(n in found for found in all_sets.values())]
    fewer = [one for one in many() if one.number != cases[0]]
    without = sets(MATCHED.collect(extract(*fewer)))
    assert without == {case: found for case, found in all_sets.items() if case != cases[0]}


def sets(cohort):
    frame = cohort.frame
    own = frame[frame["case"]].set_index("set")["person"]
    return {int(own[number]): set(of.query("~case")["person"]) for number, of in frame.groupby("set")}


def test_requirements_are_met_by_others_where_some_do_not(extract):
    """Of twenty persons alike three meet what is required: they are found, in later rounds."""
    people = [person(n, *([] if n < 4 else [ill(-50, "DI219")])) for n in range(1, 21)]
    people.append(person(99, ill()))
    cohort = MATCHED.collect(extract(*people))
    assert sets(cohort) == {99: {1, 2, 3}}
    assert "1 of 1 sets have fewer than 4 controls, 0 of them none" in cohort.notes
    assert cohort.attrition["persons"].to_list()[-1] == 4


def test_a_flow_chart_of_sets_may_be_released(extract):
    chart = MATCHED.collect(extract(*many())).flow_chart()
    assert chart.table["persons"].to_list()[-1] == 33
    chart.figure()


def test_a_flow_chart_of_a_family_counts_probands_and_no_relatives(extract):
    people = [person(n, ill(), mother=100 + n) for n in range(1, 7)]
    people += [person(10 + n, mother=100 + n) for n in range(1, 7)]
    cohort = sb.Study(sb.siblings(sb.onset(ILL)), ENTRY).collect(extract(*people))
    assert len(cohort) == 12
    assert cohort.attrition["persons"].to_list() == [6, 6, 12]
    chart = cohort.flow_chart()
    assert chart.table["persons"].to_list() == [6, 6]
    assert list(chart.table.columns) == ["step", "persons"]
    assert "The persons are the cases" in chart.note
    assert "Personerne er cases" in cohort.flow_chart("da").note


def test_exposed_and_unexposed(extract):
    buys = Happening("dispensings", DAY, "B01AF02")
    study = sb.Study(
        sb.matched(sb.new_users({"apixaban": sb.dispensing("B01AF02")}, 365), 2, on=("sex",), seed=1), ENTRY
    )
    cohort = study.collect(extract(person(1, buys), person(2), person(3)))
    assert cohort.frame["drug"].to_list() == ["apixaban", "control", "control"]
    assert cohort.arms == ("control", "apixaban")


def test_killed_tasks_of_the_second_pass_name_the_damaged_file(extract, monkeypatch):
    db = extract(*many(), buckets=2)
    told = []
    monkeypatch.setattr(engine, "explained", lambda *what: told.append(what) or StudyError("here"))
    monkeypatch.setattr(engine, "run_assigned", lambda *_: engine.pl.DataFrame({"a": [1]})["b"])
    with pytest.raises(StudyError, match="here"):
        MATCHED.collect(db)
    assert told


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sb.matched(MATCHED.population, 1, seed=1), "Matched gives sets already"),
        (lambda: sb.matched(ILL, 1, seed=1), "matched(): cases: "),
        (lambda: sb.matched(sb.onset(ILL), 0, seed=1), "matched(): ratio=0: give a whole number, 1 or more"),
        (lambda: sb.matched(sb.onset(ILL), 1, on=("height",), seed=1), "on: 'height': choose among sex"),
        (lambda: sb.matched(sb.onset(ILL), 1, on="sex", seed=1), "give several in brackets"),
        (lambda: sb.matched(sb.onset(ILL), 1, seed=-1), "matched(): seed=-1"),
        (lambda: sb.matched(sb.onset(ILL), 1, at_risk=sb.age(), seed=1), "at_risk: is no yes or no"),
        (lambda: sb.onset(ILL, nth=2, washout_days=9), "give nth or washout_days"),
        (lambda: sb.onset("DC50"), "onset(): 'DC50' is no event"),
        (lambda: sb.residents("2015"), "residents(): on='2015' is no day"),
        (lambda: sb.siblings(sb.onset(ILL), kind="step"), "siblings(): kind='step': choose among any"),
        (
            lambda: sb.prevalent_new_users({"a": sb.dispensing("C10")}, {"b": ILL}, 9, sets="time"),
            "say within_days",
        ),
        (
            lambda: sb.Study(sb.residents("2015-01-01"), ENTRY),
            "2015-01-01, the population's day, lies outside",
        ),
        (lambda: sb.Study(sb.onset(ILL)), "study, entry: None: give the first and the last day"),
        (
            lambda: sb.Study(sb.matched(sb.onset(ILL), 1, at_risk=ILL.after(days=9).any(), seed=1), ENTRY),
            "study, population, at_risk: a diagnosis of DC50",
        ),
        (
            lambda: sb.Study(MATCHED.population, ENTRY, covariates={"set": sb.age()}),
            "'set' is a column that every cohort has",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(StudyError, match=re.escape(message)):
        make()


def test_parents_that_the_permit_lacks(extract):
    db = extract(person(1, ill()), without=["mor_id"])
    with pytest.raises(StudyError, match="relatives: the permit must ask for bef with mor_id"):
        sb.Study(sb.parents(sb.onset(ILL)), ENTRY).check(db)


def test_a_family(extract):
    people = [
        person(1, ill(), mother=10, father=11),
        person(2, mother=10, father=11),
        person(3, mother=10, father=12),
        person(4, mother=10),
        person(5, mother=10, father=11, born=DAY + timedelta(1)),
        *(person(n, born=date(1920, 1, 1)) for n in (10, 11, 12)),
    ]
    db = extract(*people, buckets=2)
    relations = sb.Study(sb.siblings(sb.onset(ILL)), ENTRY).collect(db).frame.set_index("person")["relation"]
    assert relations.to_dict() == {
        1: "proband",
        2: "full sibling",
        3: "maternal half-sibling",
        4: "sibling",
    }
    parents = sb.Study(sb.parents(sb.onset(ILL)), ENTRY).collect(db).frame
    assert parents["person"].to_list() == [1, 10, 11]


def test_nobody(extract):
    db = extract(person(1))
    with pytest.raises(StudyError, match="nobody is left: no person of the extract has the condition"):
        MATCHED.collect(db)
    assert len(MATCHED.collect(db, allow_empty=True)) == 0


def test_digests_tell_seeds_apart():
    other = replace(MATCHED, population=sb.matched(cases=sb.onset(ILL), ratio=4, seed=8))
    assert other.digest != MATCHED.digest
    assert "seed 7" in MATCHED.protocol()
    assert "kontroller" in MATCHED.protocol("da")
