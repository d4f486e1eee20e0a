"""Outcomes with competing events, recurrent ones, and a start of follow-up after the index day."""

import pytest

import sundbench as sb
from sundbench.errors import StudyError

DRUG = "B01AF02"
STROKE = sb.diagnosis("DI63")
BLEEDING = sb.diagnosis("DI61")


def test_the_first_of_several_is_the_cause(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.ill("DI639", 10), people.dies(20)),
        people.person(2, people.gets(DRUG, 0), people.ill("DI639", 30), people.dies(20)),
        people.person(3, people.gets(DRUG, 0), people.ill("DI639", 20), people.dies(20)),
        people.person(4, people.gets(DRUG, 0), people.ill("DI619", 15), people.dies(15)),
        people.person(5, people.gets(DRUG, 0), people.ill("DI639", 15, 31)),
        people.person(6, people.gets(DRUG, 0), people.ill("DI639", 31)),
    )
    asked = study(
        outcomes={"stroke": sb.outcome(STROKE, competing=[BLEEDING, sb.death()])},
        follow_up=sb.follow_up(sb.death(), max_days=30),
    )
    table = asked.collect(db).table.to_pydict()
    assert table["stroke_time"] == [10, 20, 20, 15, 15, 30]
    assert table["stroke_cause"] == [1, 3, 1, 2, 1, 0]
    assert table["stroke_event"] == [True, False, True, False, True, False]


def test_a_death_that_ends_follow_up_counts_as_an_outcome_that_day(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0), people.dies(20)))
    asked = study(outcomes={"death": sb.death()}, follow_up=sb.follow_up(sb.death()))
    row = asked.collect(db).table.to_pylist()[0]
    assert (row["death_time"], row["death_event"], row["end_reason"]) == (20, True, "death")


def test_who_had_an_outcome_before_is_counted_in_the_notes(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.ill("DI639", -400, 10)),
        people.person(2, people.gets(DRUG, 0), people.ill("DI639", 0)),
        people.person(3, people.gets(DRUG, 0), people.ill("DI639", 1)),
    )
    asked = study(outcomes={"stroke": STROKE, "death": sb.death()}, follow_up=sb.follow_up(max_days=30))
    cohort = asked.collect(db)
    assert cohort.table["stroke_event"].to_pylist() == [True, False, True]
    assert cohort.notes[1:] == (
        "outcomes['stroke']: 2 of 3 had it on the index day or before, and are followed to the next: "
        "for first-ever events require its absence",
    )
    recurrent = study(
        outcomes={"stroke": sb.outcome(STROKE, recurrent=True)}, follow_up=sb.follow_up(max_days=30)
    )
    assert not any("before" in note for note in recurrent.collect(db).notes)


def test_recurrent_events(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.ill("DI639", 5, 5, 10, 15, 20, 26, 40)),
        people.person(2, people.gets(DRUG, 0)),
    )
    asked = study(
        outcomes={"stroke": sb.outcome(STROKE, recurrent=True, gap_days=10)},
        follow_up=sb.follow_up(max_days=30),
    )
    cohort = asked.collect(db)
    table = cohort.table.to_pydict()
    assert table["stroke_time"] == [5, 30]
    assert table["stroke_count"] == [2, 0]
    assert cohort.recurrences["stroke"].to_pydict() == {"row": [0, 0], "person": [1, 1], "day": [5, 20]}
    pieces = cohort.split("stroke").frame
    assert pieces[["row", "start_day", "stop_day", "event"]].values.tolist() == [
        [0, 0, 5, True],
        [0, 5, 20, True],
        [0, 20, 30, False],
        [1, 0, 30, False],
    ]


def test_a_lag(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.ill("DI639", 31)),
        people.person(2, people.gets(DRUG, 0), people.ill("DI639", 30, 40)),
        people.person(3, people.gets(DRUG, 0), people.dies(30)),
        people.person(4, people.gets(DRUG, 0), people.dies(31)),
    )

    def asked(**how):
        return study(
            outcomes={"stroke": STROKE},
            follow_up=sb.follow_up(sb.death(), max_days=60, start_day=30, **how),
        ).collect(db)

    dropped, ignored = asked(), asked(earlier_outcomes="ignore")
    assert dropped.table["person"].to_pylist() == [1, 4]
    assert dropped.attrition[["step", "persons"]].to_numpy().tolist()[-2:] == [
        ["followed beyond day 30", 3],
        ["no outcome before follow-up begins", 2],
    ]
    table = ignored.table.to_pydict()
    assert table["person"] == [1, 2, 4]
    assert table["stroke_time"] == [31, 40, 31]
    assert table["stroke_entry"] == [30, 30, 30]
    assert table["start"] == [people.on(30)] * 3


def test_left_truncation(people, extract, study):
    db = extract(
        people.person(1, people.gets(DRUG, 0), people.gets("A10BA02", 20), people.ill("DI639", 25)),
        people.person(2, people.gets(DRUG, 0), people.gets("A10BA02", -5), people.ill("DI639", 25)),
        people.person(3, people.gets(DRUG, 0), people.ill("DI639", 25)),
        people.person(4, people.gets(DRUG, 0), people.gets("A10BA02", 20), people.ill("DI639", 20, 25)),
        people.person(5, people.gets(DRUG, 0), people.gets("A10BA02", 60)),
    )
    sample = sb.dispensing("A10").between(-30, 90).first()
    cohort = study(outcomes={"stroke": STROKE}, follow_up=sb.follow_up(max_days=60, start=sample)).collect(db)
    table = cohort.table.to_pydict()
    assert table["person"] == [1, 2]
    assert table["stroke_entry"] == [20, 0]
    assert table["stroke_time"] == [25, 25]
    assert cohort.attrition["step"].iloc[-2].startswith("followed after first date of")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sb.outcome("stroke"), "is no event"),
        (lambda: sb.outcome(STROKE, competing=[sb.death(), STROKE]), "can't compete with itself"),
        (lambda: sb.outcome(STROKE, recurrent=True, competing=sb.death()), "follow_up\\(until"),
        (lambda: sb.outcome(STROKE, gap_days=5), "recurrent=True alone"),
        (lambda: sb.outcome(STROKE, recurrent=True, gap_days=-5), "gap_days=-5"),
        (lambda: sb.follow_up(start_day=-1), "start_day=-1"),
        (lambda: sb.follow_up(max_days=30, start_day=30), "nobody is followed"),
        (lambda: sb.follow_up(start=sb.age()), "give a date"),
        (lambda: sb.follow_up(start=STROKE.after().first(), start_day=3), "both start_day and start"),
        (lambda: sb.follow_up(start_day=3, earlier_outcomes="keep"), "choose among drop, ignore"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(StudyError, match=message):
        make()


def test_columns_that_would_stand_twice_are_refused(study):
    with pytest.raises(StudyError, match="two columns would be named 'stroke_cause'"):
        study(
            covariates={"stroke_cause": sb.age()},
            outcomes={"stroke": sb.outcome(STROKE, competing=sb.death())},
            follow_up=sb.follow_up(),
        )


def test_what_competes_is_asked_of_the_extract(people, extract, study):
    db = extract(people.person(1, people.gets(DRUG, 0)))
    asked = study(
        outcomes={"stroke": sb.outcome(STROKE, competing=sb.hospital_medicine("L01"))},
        follow_up=sb.follow_up(),
    )
    if "smr" not in db.registers:
        assert "lpr_sksopr" in str(asked.explain(db))
