"""Periods by purchase rhythm, against a plain second implementation and at their boundaries."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
import slow_rhythm
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.cohort.exposure import RhythmLimits, purchase_rhythm
from sundbench.errors import StudyError

DAY0 = date(2020, 1, 1)
PURCHASE = {"person": pl.Int32, "atc": pl.String, "vnr": pl.String, "date": pl.Date, "packages": pl.Float64}
PURCHASE |= {"ddd": pl.Float64}
PACKAGES = {
    "1": {
        "lower_ddd": 0.3,
        "usual_ddd": 1.0,
        "minimum_days": 25.0,
        "usual_days": 33.0,
        "maximum_days": 100.0,
    },
    "2": {"lower_ddd": 0.1, "usual_ddd": 0.5, "minimum_days": 10.0, "usual_days": 20.0, "maximum_days": 40.0},
    "3": {
        "lower_ddd": None,
        "usual_ddd": None,
        "minimum_days": None,
        "usual_days": 28.0,
        "maximum_days": 60.0,
    },
    "4": {"lower_ddd": 0.2, "usual_ddd": None, "minimum_days": 7.0, "usual_days": None, "maximum_days": None},
}
CLASSES = {
    "N": {"lower_ddd": 0.05, "usual_ddd": 0.8, "minimum_days": 15.0, "maximum_days": 90.0},
    "N05A": {"lower_ddd": 0.1, "usual_ddd": 0.6, "minimum_days": 20.0, "maximum_days": 140.0},
    "N05AH04": {"lower_ddd": 0.1, "usual_ddd": None, "minimum_days": 20.0, "maximum_days": 200.0},
}
CLASS_OF = {"N05AH02": "N05A", "N05AH04": "N05AH04", "N06AB04": "N"}


def table(of, key):
    return pl.DataFrame([{key: name, **values} for name, values in of.items()], infer_schema_length=None)


def purchased(rows):
    """(person, atc, vnr, day, packages, ddd)."""
    moments = [(p, a, v, DAY0 + timedelta(days=d), n, ddd) for p, a, v, d, n, ddd in rows]
    return pl.DataFrame(moments, schema=PURCHASE, orient="row")


def hospital(stays):
    rows = [(p, DAY0 + timedelta(days=a), DAY0 + timedelta(days=b)) for p, a, b in stays]
    return pl.DataFrame(rows, schema={"person": pl.Int32, "start": pl.Date, "end": pl.Date}, orient="row")


def fast(rows, stays, limits):
    found = purchase_rhythm(
        purchased(rows), table(PACKAGES, "vnr"), table(CLASSES, "atc"), stays=hospital(stays), limits=limits
    )
    return [
        (r["person"], r["atc"], (r["start"] - DAY0).days, (r["end"] - DAY0).days, r["days"], r["purchases"])
        for r in found.to_dicts()
    ], found


def slow(rows, stays, limits):
    bought = defaultdict(list)
    for person, atc, vnr, day, number, ddd in rows:
        bought[person, atc, day].append((vnr, number, ddd))
    merged = defaultdict(list)
    for person, admitted, discharged in sorted(stays):
        if discharged <= admitted:
            continue
        if merged[person] and admitted <= merged[person][-1][1]:
            merged[person][-1] = (merged[person][-1][0], max(merged[person][-1][1], discharged))
        else:
            merged[person].append((admitted, discharged))
    found = []
    for person, atc in sorted({key[:2] for key in bought}):
        days = [
            slow_rhythm.of_day(day, bought[p, a, day], PACKAGES, CLASSES[CLASS_OF[atc]], limits)
            for p, a, day in sorted(bought)
            if (p, a) == (person, atc)
        ]
        for start, end, count, _, _ in slow_rhythm.periods(days, merged[person], limits):
            found.append((person, atc, start, int(end // 1), round(end - start), count))
    return found


purchases = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from(sorted(CLASS_OF)),
        st.sampled_from(["1", "2", "3", "4", "5"]),
        st.one_of(st.integers(0, 250), st.integers(0, 2000)),
        st.sampled_from([0.5, 1.0, 2.0, 3.0]),
        st.sampled_from([None, 5.0, 12.5, 30.0, 33.33, 60.0, 100.0]),
    ),
    min_size=1,
    max_size=25,
)
rhythms = st.builds(  # what people with a habit buy, which chance seldom gives
    lambda first, gaps, ddd, vnr: [
        (1, "N05AH02", vnr, first + sum(gaps[:i]), 1.0, dose)
        for i, dose in zip(range(len(gaps)), ddd, strict=False)
    ],
    st.integers(0, 100),
    st.lists(st.one_of(st.integers(25, 45), st.integers(5, 120)), min_size=4, max_size=14),
    st.lists(st.sampled_from([30.0, 33.33, 40.0, 15.0, 60.0]), min_size=14, max_size=14),
    st.sampled_from(["1", "2", "3"]),
)
stays_drawn = st.lists(
    st.builds(lambda p, a, n: (p, a, a + n), st.integers(1, 2), st.integers(0, 400), st.integers(0, 60)),
    max_size=5,
)
LIMITS = [
    RhythmLimits(),
    RhythmLimits(bridged_percent=30, extra_days=0, weight_past=2, weight_next=3),
    RhythmLimits(longest_gap=120, longest=100, longest_single=40, longest_stay=5, highest_ddd=1.5),
]


@settings(max_examples=250, deadline=None)
@given(st.one_of(purchases, rhythms), stays_drawn, st.sampled_from(LIMITS))
def test_the_same_periods_as_person_by_person(rows, stays, limits):
    assert fast(rows, stays, limits)[0] == slow(rows, stays, limits)


@settings(max_examples=40, deadline=None)
@given(purchases, stays_drawn, st.randoms())
def test_the_order_of_the_rows_and_other_persons_dont_tell(rows, stays, random):
    whole = fast(rows, stays, RhythmLimits())[1]
    shuffled = random.sample(rows, len(rows))
    assert fast(shuffled, stays, RhythmLimits())[1].equals(whole)
    apart = [fast([r for r in rows if r[0] == p], stays, RhythmLimits())[1] for p in (1, 2)]
    assert pl.concat(apart).equals(whole)


def monthly(days, ddd=30.0):
    return [(1, "N05AH02", "1", day, 1.0, ddd) for day in days]


def test_a_gap_longer_than_the_longest_ends_the_period():
    limits = RhythmLimits(longest_gap=60, longest=60, longest_single=60, extra_days=100)
    joined = fast(monthly([0, 30, 60, 120, 150, 180]), [], limits)[0]
    parted = fast(monthly([0, 30, 60, 121, 151, 181]), [], limits)[0]
    assert [p[2] for p in joined] == [0]
    assert [p[2] for p in parted] == [0, 121]


def test_a_single_purchase_lasts_as_its_package_does_within_the_limit():
    assert fast(monthly([0]), [], RhythmLimits())[0] == [(1, "N05AH02", 0, 30, 30, 1)]
    assert fast(monthly([0], ddd=90.0), [], RhythmLimits(longest_single=50))[0][0][3:5] == (50, 50)


def test_few_days_and_hospital_bridge_a_gap():
    bridged = RhythmLimits(bridged_percent=0)
    assert len(fast(monthly([0, 35]), [], bridged)[0]) == 1  # 30 days and 5
    assert len(fast(monthly([0, 36]), [], bridged)[0]) == 2
    assert len(fast(monthly([0, 36]), [(1, 10, 13)], bridged)[0]) == 1  # three nights count as two days
    assert len(fast(monthly([0, 36]), [(1, 30, 33)], bridged)[0]) == 2  # admitted after it was used up


def test_nobody_is_no_period():
    found = fast([], [], RhythmLimits())[1]
    assert found.height == 0
    assert found.schema["start"] == pl.Date
    assert found.schema["mean_ddd"] == pl.Float64


def test_what_is_missing_is_named():
    packages, classes = table(PACKAGES, "vnr"), table(CLASSES, "atc")
    with pytest.raises(StudyError, match="none fits B01AF02"):
        purchase_rhythm(purchased([(1, "B01AF02", "1", 0, 1.0, 5.0)]), packages, classes)
    with pytest.raises(StudyError, match="packages has no column usual_days"):
        purchase_rhythm(purchased([]), packages.drop("usual_days"), classes)
    with pytest.raises(StudyError, match="1 purchases have no day or no packages"):
        purchase_rhythm(purchased([(1, "N05AH02", "1", 0, -1.0, 5.0)]), packages, classes)
    with pytest.raises(StudyError, match="each vnr once"):
        purchase_rhythm(purchased([]), pl.concat([packages, packages]), classes)
    with pytest.raises(StudyError, match="the order is"):
        replace(RhythmLimits(), longest=400)


def test_stockpiling_carries_over_a_gap():
    """On day 70 a package is bought ten days after the last: together they reach day 145, 75 days later."""
    limits = RhythmLimits(bridged_percent=0)
    stocked = fast(monthly([0, 30, 60, 70, 145, 175, 205]), [], limits)[0]
    assert stocked == [(1, "N05AH02", 0, 241, 242, 7)]
    assert stocked == slow(monthly([0, 30, 60, 70, 145, 175, 205]), [], limits)
