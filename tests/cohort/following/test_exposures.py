"""Exposure that changes during follow-up."""

import pytest

import sundbench as sb
from sundbench.errors import StudyError

DRUG = "B01AF02"
RULES = sb.Rules(sb.fixed_days(30), grace_days=10)
STATIN = sb.dispensing("C10AA")


def states(cohort, name="statin"):
    return [
        (one["row"], one["start_day"], one["stop_day"], one["state"])
        for one in cohort.exposures[name].to_pylist()
    ]


def test_never_current_recent_past_and_again(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.gets("C10AA01", 10, 100)),
        people.person(2, people.gets(DRUG, 0)),
        people.person(3, people.gets(DRUG, 0), people.gets("C10AA01", -10)),
        people.person(4, people.gets(DRUG, 0), people.gets("C10AA01", -500)),
    )
    statin = sb.exposure(STATIN, RULES, lag_days=5, recent_days=20)
    cohort = study(exposures={"statin": statin}, follow_up=sb.follow_up(max_days=120)).collect(db)
    assert states(cohort) == [
        (0, 0, 10, "never"),
        (0, 10, 44, "current"),
        (0, 44, 64, "recent"),
        (0, 64, 100, "past"),
        (0, 100, 120, "current"),
        (1, 0, 120, "never"),
        (2, 0, 24, "current"),
        (2, 24, 44, "recent"),
        (2, 44, 120, "past"),
        (3, 0, 120, "past"),
    ]
    assert cohort.exposures["statin"]["person"].to_pylist()[-1] == 4
    assert "exposure 'statin' bridges gaps" in cohort.notes[-1]


def test_a_lag_that_reaches_the_next_episode_joins_them(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0), people.gets("C10AA01", 10, 60)))
    statin = sb.exposure(STATIN, sb.Rules(sb.fixed_days(30)), lag_days=30)
    cohort = study(exposures={"statin": statin}, follow_up=sb.follow_up(max_days=80)).collect(db)
    assert states(cohort) == [(0, 0, 10, "never"), (0, 10, 80, "current")]
    assert cohort.exposures["statin"]["state"].combine_chunks().dictionary.to_pylist() == [
        "never",
        "current",
        "past",
    ]


def test_the_event_of_a_dispensings_day_belongs_to_what_was_before(people, extract, study):
    db = extract(
        people.person(
            1,
            people.gets(
                DRUG,
                0,
            ),
            people.gets("C10AA01", 10),
            people.ill("DI639", 10),
        )
    )
    asked = study(
        outcomes={"stroke": sb.diagnosis("DI63")},
        exposures={"statin": sb.exposure(STATIN, RULES, lag_days=10)},
        follow_up=sb.follow_up(max_days=80),
    )
    pieces = asked.collect(db).split("stroke", exposures=["statin"]).frame
    assert pieces[["stop_day", "statin", "event"]].values.tolist() == [[10, "never", True]]


def test_one_bucket_or_many(people, extract, study):
    persons = [
        people.person(number * 50_000_000, people.gets(DRUG, 0), people.gets("C10AA01", number, 3 * number))
        for number in range(1, 40)
    ]
    asked = study(
        covariates={"age": sb.age()},
        outcomes={"again": sb.outcome(STATIN, recurrent=True)},
        exposures={"statin": sb.exposure(STATIN, RULES, lag_days=10, recent_days=5)},
        follow_up=sb.follow_up(max_days=120, on_treatment=sb.on_treatment(RULES, lag_days=60)),
    )
    one, many = (asked.collect(extract(*persons, buckets=buckets), workers=2) for buckets in (1, 7))
    assert len(one) == 39
    assert one.digest == many.digest
    bands = {"age": [50], "calendar": [2012], "exposures": ["statin"]}
    assert one.split("again", **bands).table.equals(many.split("again", **bands).table)


def test_nobody(people, extract, study):
    db = extract(people.person(1, people.gets("C10AA01", 0)))
    asked = study(
        exposures={"statin": sb.exposure(STATIN, RULES)},
        follow_up=sb.follow_up(on_treatment=sb.on_treatment(RULES)),
    )
    cohort = asked.collect(db, allow_empty=True)
    assert states(cohort) == []
    assert len(cohort.split(calendar=[2013], exposures=["statin"])) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda study: sb.exposure("C10AA", RULES), "is no event"),
        (lambda study: sb.exposure(STATIN, 30), "are no rules"),
        (lambda study: sb.exposure(STATIN, RULES, lag_days=-1), "lag_days=-1"),
        (lambda study: sb.exposure(STATIN, RULES, recent_days=1.5), "recent_days=1.5"),
        (lambda study: sb.exposure(sb.procedure("BWHA204"), sb.Rules(sb.ddd())), "has no ddd"),
        (
            lambda study: study(exposures={"statin": sb.exposure(STATIN, RULES)}),
            "exposures without follow_up",
        ),
        (
            lambda study: study(exposures={"statin": STATIN}, follow_up=sb.follow_up()),
            r"exposures\['statin'\]: .* is no exposure",
        ),
        (
            lambda study: study(exposures={"event": sb.exposure(STATIN, RULES)}, follow_up=sb.follow_up()),
            r"exposures\['event'\]: pieces of follow-up have a column of that name",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(study, make, message):
    with pytest.raises(StudyError, match=message):
        make(study)
