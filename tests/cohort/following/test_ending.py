"""When follow-up ends: death in whatever event, crossing to another arm."""

from datetime import date

import pytest

import sundbench as sb
from sundbench.errors import StudyError

OLD, NEW, ILL = sb.dispensing("B01AA03"), sb.dispensing("B01AF02"), sb.diagnosis("DI63")


def test_nobody_is_followed_dead_where_death_is_one_of_several_events(extract, people, study):
    db = extract(
        people.person(1, people.gets("B01AF02", 0), people.dies(-5)),
        people.person(2, people.gets("B01AF02", 0)),
    )
    cohort = study(follow_up=sb.follow_up(sb.death() | sb.emigration(), max_days=30)).collect(db)
    assert cohort.frame["person"].tolist() == [2]


def test_a_new_user_crosses_with_another_drug_and_not_with_their_own(extract, people, study):
    db = extract(
        people.person(1, people.gets("B01AF02", 0, 10), people.gets("B01AA03", 20)),
        people.person(2, people.gets("B01AA03", 0, 10)),
    )
    frame = study(follow_up=sb.follow_up(max_days=30, crossover=True)).collect(db).frame
    assert frame["end_reason"].tolist() == ["crossover", "max_days"]
    assert frame["end"].dt.date.tolist() == [people.on(20), people.on(30)]


def test_a_control_crosses_by_becoming_a_case_and_its_case_never(extract, people):
    db = extract(
        people.person(1, people.ill("DI63", 0, 10)),
        people.person(2, people.ill("DI63", 20)),
        people.person(3),
    )
    study = sb.Study(
        sb.matched(cases=sb.onset(ILL), ratio=2, on=(), seed=1),
        (people.index, people.index),
        follow_up=sb.follow_up(sb.death(), max_days=30, crossover=True),
    )
    frame = study.collect(db).frame
    assert dict(zip(frame["person"], frame["end_reason"], strict=True)) == {
        1: "max_days",
        2: "crossover",
        3: "max_days",
    }


def test_users_of_the_comparator_cross_to_the_study_drug_whose_users_stay(extract, people):
    db = extract(
        people.person(1, people.gets("B01AF02", 0, 5, 10), people.gets("B01AA03", 8)),
        people.person(2, people.gets("B01AA03", 0, 5), people.gets("B01AF02", 20)),
    )
    study = sb.Study(
        sb.prevalent_new_users({"new": NEW}, {"old": OLD}, 365, sets="dispensings"),
        (people.index, people.index),
        follow_up=sb.follow_up(sb.death(), max_days=30, crossover=True),
    )
    frame = study.collect(db).frame
    assert dict(zip(frame["drug"], frame["end_reason"], strict=True)) == {
        "new": "max_days",
        "old": "crossover",
    }
    assert "the first of: death, crossover to another arm, day 30" in study.protocol()
    assert "det første af: død, overgang til en anden arm, dag 30" in study.protocol("da")


@pytest.mark.parametrize(
    "population",
    [
        sb.onset(ILL),
        sb.new_users({"new": NEW}, 365),
        sb.residents(on="2012-06-01"),
        sb.matched(cases=sb.onset(ILL, nth=2), ratio=1, seed=1),
        sb.matched(cases=sb.onset(ILL), ratio=1, at_risk=sb.age() >= 18, seed=1),
    ],
)
def test_a_population_in_which_nothing_is_a_crossing_refuses_it(population):
    with pytest.raises(StudyError, match=r"study, follow_up, crossover: the population doesn't say what"):
        sb.Study(population, (date(2012, 6, 1),) * 2, follow_up=sb.follow_up(crossover=True))


@pytest.mark.parametrize(
    "population",
    [
        sb.onset(NEW),
        sb.residents(on="2012-06-01"),
        sb.matched(cases=sb.new_users({"new": NEW, "old": OLD}, 365), ratio=1, seed=1),
        sb.siblings(of=sb.new_users({"new": NEW, "old": OLD}, 365)),
    ],
)
def test_on_treatment_is_refused_where_not_every_arm_is_of_a_drug(population):
    treatment = sb.on_treatment(sb.Rules(sb.fixed_days(30)))
    with pytest.raises(StudyError, match=r"study, follow_up, on_treatment: this population's arms"):
        sb.Study(population, (date(2012, 6, 1),) * 2, follow_up=sb.follow_up(on_treatment=treatment))


def test_switching_and_crossover_are_the_same_and_one_is_enough():
    treatment = sb.on_treatment(sb.Rules(sb.fixed_days(30)))
    with pytest.raises(StudyError, match=r"on_treatment ends at a switch already"):
        sb.follow_up(on_treatment=treatment, crossover=True)
