"""A cohort's follow-up split: what is asked for is checked, and what is kept is repeated."""

import pytest

import sundbench as sb
from sundbench.errors import StudyError

DRUG = "B01AF02"
STATIN = sb.exposure(sb.dispensing("C10AA"), sb.Rules(sb.fixed_days(30)))


@pytest.fixture
def cohort(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.gets("C10AA01", 10), people.dies(50)),
        people.person(2, people.gets("B01AA03", 0)),
    )
    return study(
        covariates={"age": sb.age(), "sex": sb.sex(), "statin": sb.dispensing("C10AA").before().any()},
        outcomes={"death": sb.death()},
        exposures={"statin": STATIN},
        follow_up=sb.follow_up(sb.death(), max_days=100),
    ).collect(db)


def test_columns_of_the_cohort_are_repeated(cohort):
    frame = cohort.split("death", since_entry=[20], exposures=["statin"], keep=["sex", "age"]).frame
    assert list(frame) == [
        "row",
        "person",
        "drug",
        "sex",
        "age",
        "start_day",
        "stop_day",
        "since_entry_band",
        "statin",
        "event",
    ]
    assert frame[
        ["person", "start_day", "stop_day", "since_entry_band", "statin", "event"]
    ].to_numpy().tolist() == [
        [1, 0, 10, "1-20", "never", False],
        [1, 10, 20, "1-20", "current", False],
        [1, 20, 39, "21+", "current", False],
        [1, 39, 50, "21+", "past", True],
        [2, 0, 20, "1-20", "never", False],
        [2, 20, 100, "21+", "never", False],
    ]
    assert list(frame["drug"].cat.categories) == ["apixaban", "warfarin"]


def test_the_whole_follow_up(cohort):
    frame = cohort.split().frame
    assert list(frame) == ["row", "person", "drug", "start_day", "stop_day"]
    assert (frame["stop_day"] - frame["start_day"]).tolist() == [50, 100]


def test_who_has_no_birth_has_no_age_band(cohort):
    import pyarrow as pa

    unknown = type(cohort)(**{**vars(cohort), "born": pa.array([None, cohort.born[1].as_py()], pa.date32())})
    assert unknown.split(age=[50]).frame["age_band"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"outcome": "stroke"}, "'stroke' is no outcome of the study: it has 'death'"),
        ({"exposures": ["insulin"]}, "exposures: 'insulin': the study has 'statin'"),
        ({"exposures": "statin"}, r"give a list, as exposures=\['statin'\]"),
        ({"exposures": ["statin", "statin"]}, "stands there twice"),
        ({"keep": ["bmi"]}, "'bmi' is no column of the cohort"),
        ({"keep": ["sex", "sex"]}, "is a column of the pieces already"),
        ({"keep": ["statin"], "exposures": ["statin"]}, "is a column of the pieces already"),
        ({"age": [65, 40]}, "from low to high"),
    ],
)
def test_what_isnt_there_is_named(cohort, how, message):
    with pytest.raises(StudyError, match=message):
        cohort.split(**how)


def test_a_study_must_ask_for_age_and_follow_up(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)))
    with pytest.raises(StudyError, match=r"put sb.age\(\) among its covariates"):
        study(follow_up=sb.follow_up()).collect(db).split(age=[50])
    with pytest.raises(StudyError, match="no follow_up: there is nothing to split"):
        study().collect(db).split()


def test_a_population_without_drugs(people, extract):
    db = extract(people.person(1, people.ill("DI489", 0)), people.person(2, people.ill("DI489", 5)))
    onset, entry = sb.onset(sb.diagnosis("DI48")), (people.index, people.on(10))
    cohort = sb.Study(onset, entry, follow_up=sb.follow_up(max_days=50)).collect(db)
    frame = cohort.split(since_entry=[20]).frame
    assert list(frame) == ["row", "person", "start_day", "stop_day", "since_entry_band"]
    assert frame["person"].tolist() == [1, 1, 2, 2]
    rules = sb.on_treatment(sb.Rules(sb.fixed_days(30)))
    with pytest.raises(StudyError, match="on_treatment: this population's arms aren't all of a drug"):
        sb.Study(onset, entry, follow_up=sb.follow_up(on_treatment=rules))
