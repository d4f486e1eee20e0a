"""Episodes, against a day-by-day second implementation and at each boundary of docs/exposure.md."""

from datetime import date, timedelta

import polars as pl
import pytest
import slow_episodes
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.cohort.exposure import Rules, ddd, episodes, given_days
from sundbench.errors import StudyError

DAY0 = date(2020, 1, 1)
COLUMNS = ["person", "start", "end", "dispensings", "supply_days", "gap_days", "ongoing"]


def dispensed(rows):
    """(person, day, days, product)."""
    moments = [(p, DAY0 + timedelta(days=d), n, product) for p, d, n, product in rows]
    schema = {"person": pl.Int32, "date": pl.Date, "n": pl.Int32, "atc": pl.String}
    return pl.DataFrame(moments, schema=schema, orient="row")


def in_hospital(stays):
    rows = [(p, DAY0 + timedelta(days=a), DAY0 + timedelta(days=b)) for p, a, b in stays]
    return pl.DataFrame(rows, schema={"person": pl.Int32, "start": pl.Date, "end": pl.Date}, orient="row")


def joined(rows, *, until=None, stays=None, by=("person",), product="atc", dose=None, **rules):
    return episodes(
        dispensed(rows),
        Rules(given_days("n"), **rules),
        by=by,
        product=product,
        dose=dose,
        until=None if until is None else DAY0 + timedelta(days=until),
        stays=None if stays is None else in_hospital(stays),
    )


def days(found):
    """Start and end of each episode, as days."""
    return [((r["start"] - DAY0).days, (r["end"] - DAY0).days) for r in found.to_dicts()]


def of(*pairs):
    """One person's dispensings: (day, days)."""
    return [(1, day, n, "A") for day, n in pairs]


rows_drawn = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 120), st.integers(1, 40), st.sampled_from("AB")), max_size=25
)
stays_drawn = st.lists(
    st.builds(lambda p, a, n: (p, a, a + n), st.integers(1, 4), st.integers(-10, 140), st.integers(0, 20)),
    max_size=8,
)
grace = st.one_of(
    st.fixed_dictionaries({"grace_days": st.integers(0, 15)}),
    st.fixed_dictionaries({"grace_share": st.sampled_from([0.0, 0.25, 0.5, 1.0])}),
)
ways = st.fixed_dictionaries(
    {
        "stockpile": st.sampled_from([None, None, 0, 3, 10]),
        "switching": st.sampled_from(["carry", "discard"]),
        "switch_ends_episode": st.booleans(),
        "max_gap_days": st.sampled_from([None, None, 10, 40]),
    }
)


@settings(max_examples=300, deadline=None)
@given(rows_drawn, stays_drawn, grace, ways, st.sampled_from([None, None, 60, 130, 200]))
def test_the_same_episodes_as_day_by_day(rows, stays, grace, ways, until):
    rules = Rules(given_days("n"), **grace, **ways)
    slow = []
    for person in sorted({row[0] for row in rows}):
        own = [(day, n, product) for p, day, n, product in rows if p == person]
        hospital = [(a, b) for p, a, b in stays if p == person]
        slow += [
            [person, one.start, one.end, one.dispensings, one.supply_days, one.gap_days, one.ongoing]
            for one in slow_episodes.episodes(own, rules, until, hospital)
        ]
    found = joined(rows, until=until, stays=stays, **grace, **ways)
    fast = [
        [r["person"], (r["start"] - DAY0).days, (r["end"] - DAY0).days, *(r[name] for name in COLUMNS[3:])]
        for r in found.to_dicts()
    ]
    if until is None:  # the last episode's gap isn't known, the others' is
        assert found["ongoing"].null_count() == found.height
    assert fast == slow


@settings(max_examples=60, deadline=None)
@given(rows_drawn, stays_drawn, grace, ways, st.randoms())
def test_neither_the_order_of_rows_nor_other_persons_tell(rows, stays, grace, ways, random):
    whole = joined(rows, stays=stays, **grace, **ways)
    assert joined(random.sample(rows, len(rows)), stays=stays, **grace, **ways).equals(whole)
    apart = [joined([r for r in rows if r[0] == p], stays=stays, **grace, **ways) for p in (1, 2, 3)]
    assert pl.concat(apart).equals(whole)


@settings(max_examples=60, deadline=None)
@given(rows_drawn, grace, ways)
def test_episodes_part_a_persons_days(rows, grace, ways):
    """Episodes don't overlap, have every dispensing, and don't outlast their supply and bridged gaps."""
    found = joined(rows, **grace, **ways)
    assert found["dispensings"].sum() == len(rows)
    assert found["supply_days"].sum() == sum(row[2] for row in rows)
    later = found.with_columns(pl.col("end").shift(1).over("person").alias("before"))
    assert later.filter(pl.col("start") <= pl.col("before")).height == 0
    assert (found["days"] == (found["end"] - found["start"]).dt.total_days() + 1).all()


def test_a_dispensing_lasts_from_its_day_on_and_both_ends_belong_to_it():
    assert days(joined(of((0, 30)))) == [(0, 29)]


def test_a_gap_of_exactly_the_grace_period_is_bridged():
    assert days(joined(of((0, 30), (40, 30)), grace_days=10)) == [(0, 69)]
    assert days(joined(of((0, 30), (41, 30)), grace_days=10)) == [(0, 29), (41, 70)]


def test_without_grace_the_next_dispensing_must_come_the_day_after():
    assert days(joined(of((0, 30), (30, 30)))) == [(0, 59)]
    assert days(joined(of((0, 30), (31, 30)))) == [(0, 29), (31, 60)]


def test_grace_as_a_share_of_the_last_dispensing():
    assert days(joined(of((0, 30), (45, 10)), grace_share=0.5)) == [(0, 54)]
    assert days(joined(of((0, 30), (46, 10)), grace_share=0.5)) == [(0, 29), (46, 55)]


def test_what_is_left_is_used_first_up_to_the_cap():
    early = of((0, 30), (20, 30))
    assert days(joined(early)) == [(0, 59)]
    assert days(joined(early, stockpile=10)) == [(0, 59)]
    assert days(joined(early, stockpile=4)) == [(0, 53)]
    assert days(joined(early, stockpile=0)) == [(0, 49)]


def test_the_cap_never_shortens_what_is_covered():
    assert days(joined(of((0, 100), (10, 20)), stockpile=0)) == [(0, 99)]


def test_dispensings_of_one_day_add_up_whatever_the_cap():
    assert days(joined(of((0, 30), (0, 30)), stockpile=0)) == [(0, 59)]


def test_a_longer_time_between_dispensings_than_allowed_ends_the_episode():
    assert days(joined(of((0, 100), (50, 30)), max_gap_days=50)) == [(0, 129)]
    assert days(joined(of((0, 100), (51, 30)), max_gap_days=50)) == [(0, 50), (51, 80)]


SWITCH = [(1, 0, 30, "A"), (1, 20, 30, "B")]


def test_switching():
    assert days(joined(SWITCH)) == [(0, 59)]
    assert days(joined(SWITCH, switching="discard")) == [(0, 49)]
    assert days(joined(SWITCH, switch_ends_episode=True)) == [(0, 19), (20, 59)]
    assert days(joined(SWITCH, switching="discard", switch_ends_episode=True)) == [(0, 19), (20, 49)]
    assert days(joined(SWITCH, by=("person", "atc"))) == [(0, 29), (20, 49)]


def test_a_product_replaced_on_its_first_day_has_an_episode_of_no_days():
    found = joined([(1, 5, 30, "A"), (1, 5, 30, "B")], switching="discard", switch_ends_episode=True)
    assert found["days"].to_list() == [0, 30]
    assert days(found) == [(5, 4), (5, 34)]


def test_at_the_end_of_follow_up():
    """Less than the grace period without supply: it goes on; exactly that: it has ended."""
    still = joined(of((0, 30)), grace_days=10, until=38)
    ended = joined(of((0, 30)), grace_days=10, until=39)
    assert (days(still), still["ongoing"].item(), still["gap_days"].item()) == ([(0, 38)], True, 9)
    assert (days(ended), ended["ongoing"].item(), ended["gap_days"].item()) == ([(0, 29)], False, 10)
    cut = joined(of((0, 30), (50, 30)), until=20)
    assert (days(cut), cut["ongoing"].item(), cut["dispensings"].item()) == ([(0, 20)], True, 1)


def test_days_in_hospital_are_taken_out_but_not_the_day_of_discharge():
    assert days(joined(of((0, 30)), stays=[(1, 10, 15)])) == [(0, 34)]
    assert days(joined(of((0, 30)), stays=[(1, 10, 10)])) == [(0, 29)]
    assert days(joined(of((0, 30)), stays=[(1, 30, 40)])) == [(0, 29)]  # admitted when it was used up
    assert days(joined(of((0, 30)), stays=[(1, 29, 40)])) == [(0, 40)]
    assert days(joined(of((0, 30), (45, 30)), stays=[(1, 20, 30), (1, 25, 35)])) == [(0, 74)]


def test_a_gap_in_hospital_is_no_gap():
    assert days(joined(of((0, 30), (60, 30)), stays=[(1, 30, 60)])) == [(0, 89)]


def test_a_higher_dose_uses_up_faster_what_is_left():
    rows = dispensed(of((0, 30), (20, 30))).with_columns(pl.Series("mg", [10.0, 20.0]))
    found = episodes(rows, Rules(given_days("n")), by=("person",), dose="mg")
    assert days(found) == [(0, 54)]


def test_stays_that_dont_end_have_no_days():
    never = in_hospital([(1, 10, 15)]).with_columns(pl.lit(None, dtype=pl.Date).alias("end"))
    found = episodes(dispensed(of((0, 30))), Rules(given_days("n")), by=("person",), stays=never)
    assert days(found) == [(0, 29)]


def test_episodes_are_numbered_within_their_group():
    rows = [(2, 0, 5, "A"), (2, 50, 5, "A"), (2, 0, 5, "B"), (1, 9, 5, "B")]
    found = joined(rows, by=("person", "atc"))
    assert found.select("person", "atc", "episode").rows() == [
        (1, "B", 1),
        (2, "A", 1),
        (2, "A", 2),
        (2, "B", 1),
    ]


def test_nobody_has_no_episode():
    found = joined([], until=30, stays=[])
    assert found.height == 0
    assert found.schema["end"] == pl.Date


def test_follow_up_that_differs_between_persons():
    rows = dispensed([(1, 0, 30, "A"), (2, 0, 30, "A")]).with_columns(
        pl.Series("last", [DAY0 + timedelta(days=9), DAY0 + timedelta(days=99)])
    )
    assert days(episodes(rows, Rules(given_days("n")), by=("person",), until="last")) == [(0, 9), (0, 29)]


def test_what_is_wrong_is_named():
    frame = dispensed(of((0, 30)))
    with pytest.raises(StudyError, match="no column ddd"):
        episodes(frame, Rules(ddd()))
    with pytest.raises(StudyError, match="give product="):
        episodes(frame, Rules(given_days("n"), switching="discard"))
    with pytest.raises(StudyError, match="1 of 1 dispensings last no days"):
        joined(of((0, -1)))
    with pytest.raises(StudyError, match="without a day"):
        episodes(frame.with_columns(pl.lit(None, dtype=pl.Date).alias("date")), Rules(given_days("n")))
    with pytest.raises(StudyError, match="known and positive"):
        episodes(frame.with_columns(pl.lit(0.0).alias("mg")), Rules(given_days("n")), dose="mg")
    with pytest.raises(StudyError, match="below zero"):
        Rules(given_days("n"), grace_days=-1)
    with pytest.raises(StudyError, match="the same thing twice"):
        Rules(given_days("n"), grace_days=1, grace_share=0.1)
    with pytest.raises(StudyError, match="choose among carry, discard"):
        Rules(given_days("n"), switching="mix")
