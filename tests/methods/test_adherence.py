"""Adherence: what the measures say by hand, which laws they keep, what they refuse."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import adherence, survival

COLUMNS = {"person": "person", "date": "day", "duration": "days"}
DRUGS = {"dose": "dose", "medication": "drug"}
ROW = st.tuples(
    st.integers(1, 4),
    st.integers(0, 120),
    st.integers(1, 60),
    st.sampled_from([1.0, 2, 3]),
    st.sampled_from("ab"),
)
ROWS = st.lists(ROW, min_size=1, max_size=30)


def bought(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["person", "day", "days", "dose", "drug"][: len(rows[0])])


def measured(data, kind, follow_up=100, start=0, length=None, **options) -> float:
    table = adherence.cma(
        data,
        **COLUMNS,
        kind=kind,
        follow_up_days=follow_up,
        window_start=start,
        window_days=length,
        **options,
    ).table
    assert len(table) == 1
    return table["cma"].item()


def test_the_nine_measures_by_hand():
    # 60 days at day 0 and 30 at days 40 and 80: 20 are left at day 40, 10 at day 80.
    data = bought((1, 0, 60), (1, 40, 30), (1, 80, 30))
    assert measured(data, 1) == pytest.approx(90 / 80)
    assert measured(data, 2) == pytest.approx(120 / 100)
    assert measured(data, 3) == measured(data, 4) == 1
    assert [measured(data, kind) for kind in (5, 6, 7, 8, 9)] == [1] * 5
    # From day 50 on: what is left from before counts for 7 to 9 alone.
    assert measured(data, 6, start=50, length=50) == 1
    assert measured(data, 7, start=50, length=50) == 1
    assert measured(data, 8, start=50, length=50) == pytest.approx(1)


def test_the_first_measure_can_exceed_one_and_the_third_cannot():
    data = bought((1, 0, 90), (1, 30, 30))
    assert measured(data, 1) == 3
    assert measured(data, 3) == 1


def test_supply_from_before_enters_the_window_in_the_seventh_measure_not_the_sixth():
    data = bought((1, 0, 80), (1, 50, 10), (1, 70, 10))
    # In the window alone: 10 days from 50, 10 from 70, over 50. With 30 days left at day 50: all.
    assert measured(data, 5, start=50, length=50) == pytest.approx(1 / 2)
    assert measured(data, 6, start=50, length=50) == pytest.approx(20 / 50)
    assert measured(data, 7, start=50, length=50) == 1


def test_the_eighth_begins_when_supply_from_before_has_run_out():
    data = bought((1, 0, 60), (1, 80, 10))
    assert measured(data, 7, start=50, length=50) == pytest.approx(20 / 50)
    assert measured(data, 8, start=50, length=50) == pytest.approx(10 / 40)


def test_the_ninth_spreads_supply_evenly():
    data = bought((1, 0, 20), (1, 80, 10))
    assert measured(data, 9, start=40, length=60) == pytest.approx((40 * 20 / 80 + 20 * 10 / 20) / 60)


def test_another_medication_begins_without_what_was_left():
    data = bought((1, 0, 60, 1, "a"), (1, 40, 30, 1, "b"))
    assert measured(data, 7, **DRUGS, carry_over="any") == pytest.approx(0.9)
    assert measured(data, 7, **DRUGS) == pytest.approx(0.7)


def test_at_twice_the_dose_what_was_left_lasts_half_as_long():
    data = bought((1, 0, 60, 1, "a"), (1, 40, 30, 2, "a"))
    assert measured(data, 7, **DRUGS, dose_changes=True) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("kind", "data", "start", "reason"),
    [
        (1, bought((1, 0, 10)), 0, "fewer than two days"),
        (5, bought((1, 0, 10), (1, 0, 10)), 0, "fewer than two days"),
        (2, bought((1, 0, 10)), 50, "no dispensing in the window"),
        (6, bought((1, 0, 10), (1, 100, 10)), 50, "on its last day"),
        (8, bought((1, 0, 300), (1, 40, 10)), 50, "lasts the whole window"),
    ],
)
def test_no_measure_without_its_reason(kind, data, start, reason):
    table = adherence.cma(data, **COLUMNS, kind=kind, follow_up_days=100, window_start=start).table
    assert np.isnan(table["cma"].item())
    assert reason in table["reason"].item()


@settings(max_examples=40)  # each asks for several measures
@given(ROWS, st.integers(0, 60), st.sampled_from(["same", "any"]), st.booleans())
def test_bounds(rows, start, carry_over, dose_changes):
    options = {"carry_over": carry_over, "dose_changes": dose_changes}
    found = {
        kind: adherence.cma(
            bought(*rows), **COLUMNS, **DRUGS, kind=kind, follow_up_days=90, window_start=start, **options
        ).table["cma"]
        for kind in range(1, 10)
    }
    for kind, values in found.items():
        known = values.dropna()
        assert (known >= -1e-12).all()
        if kind > 2:
            assert (known <= 1 + 1e-12).all()
    np.testing.assert_allclose(found[3], found[1].clip(upper=1))
    np.testing.assert_allclose(found[4], found[2].clip(upper=1))
    # Days covered are never more than days supplied where doses are the same.
    if not dose_changes:
        assert not (found[5] > found[1] + 1e-9).any()
        assert not (found[6] > found[2] + 1e-9).any()


@settings(max_examples=40)  # each asks for several measures
@given(ROWS, st.randoms(use_true_random=False))
def test_persons_stand_for_themselves(rows, random):
    data = bought(*rows).drop_duplicates(["person", "day"])
    mixed = data.sample(frac=1, random_state=random.randint(0, 1000))
    for kind in (5, 7, 8, 9):
        ask = {**COLUMNS, **DRUGS, "kind": kind, "follow_up_days": 90, "window_start": 20}
        together = adherence.cma(mixed, **ask).table
        alone = [adherence.cma(own, **ask).table for _, own in data.groupby("person")]
        pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


@settings(max_examples=40)  # each asks for several measures
@given(ROWS, st.integers(0, 40))
def test_the_seventh_measure_counts_days_with_supply(rows, start):
    """Day by day: each dispensing is used from its day on, after what is left."""
    data = bought(*rows).sort_values(["person", "day"], kind="stable")
    found = adherence.cma(
        data, **COLUMNS, kind=7, follow_up_days=80, window_start=start, carry_over="any"
    ).table.set_index("person")["cma"]
    for person, own in data.groupby("person"):
        since = own["day"] - own["day"].min()
        stock, covered = 0, 0
        for day in range(80):
            stock += own.loc[since == day, "days"].sum()
            covered += day >= start and stock > 0
            stock = max(stock - 1, 0)
        assert found[person] == pytest.approx(covered / (80 - start))


def test_dates_of_any_kind_and_any_frame_give_the_same():
    numbered = bought((7, 0, 30), (7, 40, 30), (3, 5, 10))
    dated = numbered.assign(day=pd.Timestamp("2020-02-20") + pd.to_timedelta(numbered["day"], "D"))
    ask = {**COLUMNS, "kind": 7, "follow_up_days": 90}
    expected = adherence.cma(numbered, **ask).table
    for data in (
        dated,
        pl.from_pandas(dated),
        pl.from_pandas(dated).lazy(),
        pl.from_pandas(dated).to_arrow(),
    ):
        pd.testing.assert_frame_equal(adherence.cma(data, **ask).table, expected)
    events = adherence.cma(pl.from_pandas(dated).cast({"day": pl.Date}), **ask).events
    assert events["date"].dt.strftime("%Y-%m-%d").tolist() == ["2020-02-25", "2020-02-20", "2020-03-31"]


def test_summary():
    data = bought((1, 0, 90), (2, 0, 45), (3, 0, 9))
    row = adherence.cma(data, **COLUMNS, kind=7, follow_up_days=90).summary(0.5).iloc[0]
    assert row[["persons", "unknown", "median", "adherent"]].tolist() == pytest.approx([3, 0, 0.5, 2 / 3])


def test_persistence_is_what_kaplan_meier_takes():
    data = bought((1, 0, 30), (1, 25, 30), (2, 0, 30), (2, 70, 30), (3, 0, 90))
    table = adherence.persistence(data, **COLUMNS, gap_days=30, follow_up_days=100).table
    assert table["time"].tolist() == [60, 30, 100]
    assert table["event"].tolist() == [1, 1, 0]
    curve = survival.kaplan_meier(table["time"], table["event"])
    assert curve.at([50])["survival"].item() == pytest.approx(2 / 3)


def test_who_dies_before_a_gap_is_long_enough_is_censored():
    data = bought((1, 0, 30), (2, 0, 30)).assign(last=[44, 90])
    table = adherence.persistence(data, **COLUMNS, gap_days=30, follow_up_days=365, end="last").table
    assert table[["time", "event"]].to_numpy().tolist() == [[45, 0], [30, 1]]


def test_switching_stopping_and_going_on():
    data = bought(
        (1, 0, 30, 1, "a"), (1, 20, 30, 1, "b"),  # to b while a lasts
        (2, 0, 30, 1, "a"), (2, 90, 30, 1, "b"),  # b comes too late: a was stopped
        (3, 0, 30, 1, "a"), (3, 10, 30, 1, "b"), (3, 30, 70, 1, "a"),  # b is added
        (4, 0, 30, 1, "b"), (4, 55, 30, 1, "a"),  # within the gap
    )  # fmt: skip
    table = adherence.switching(data, **COLUMNS, medication="drug", gap_days=30, follow_up_days=100).table
    assert table["outcome"].tolist() == ["switched", "stopped", "ongoing", "switched"]
    assert table["time"].tolist() == [20, 30, 100, 55]
    assert table["to"].tolist() == ["b", None, None, "a"]
    assert table["medication"].tolist() == ["a", "a", "a", "b"]
    assert len(survival.aalen_johansen(table["time"], table["cause"]).table)


def test_initiation_counts_from_the_start_to_the_first_dispensing():
    persons = pd.DataFrame({"person": [3, 1, 2], "start": [10, 0, 0], "last": [400, 400, 20]})
    given_out = pd.DataFrame({"person": [3, 3, 9, 2], "day": [9, 12, 1, 50]})
    ask = {"person": "person", "start": "start", "date": "day", "follow_up_days": 30}
    table = adherence.initiation(persons, given_out, **ask).table
    assert table.to_numpy().tolist() == [[1, 30, 0], [2, 30, 0], [3, 2, 1]]
    table = adherence.initiation(persons, given_out, **ask, end="last").table
    assert table["time"].tolist() == [30, 20, 2]


@settings(deadline=None)
@given(ROWS, st.integers(0, 40))
def test_episodes_lie_within_follow_up_and_follow_each_other(rows, gap):
    data = bought(*rows)
    table = adherence.episodes(data, **COLUMNS, gap_days=gap, follow_up_days=90).table
    first = data.groupby("person")["day"].min()
    assert (table["end"] <= table["person"].map(first) + 90).all()
    later = table.groupby("person")["start"].shift(-1).dropna()
    assert (later > table.loc[later.index, "end"] + gap - 1e-9).all()
    persistent = adherence.persistence(data, **COLUMNS, gap_days=gap, follow_up_days=90).table
    assert persistent["person"].tolist() == sorted(first.index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": 10}, "from 1 to 9"),
        ({"carry_over": "none"}, "same or any"),
        ({"follow_up_days": 0}, "at least 1"),
        ({"follow_up_days": 30.5}, "whole days"),
        ({"window_start": -1}, "at least 0"),
        ({"window_start": 60, "window_days": 60}, "shorten the window"),
        ({"window_start": 90}, "shorten the window"),
        ({"dose_changes": True}, "needs dose="),
        ({"duration": "length"}, "no column length"),
        ({"date": "text"}, "give dates"),
        ({"date": "half"}, "give dates"),
        ({"duration": "zero"}, "1 of 2 are not positive"),
        ({"medication": "gone"}, "1 of 2 values are missing"),
        ({"medication": "mixed"}, "values of several kinds"),
        ({"person": "day"}, "named twice"),
    ],
)
def test_refusals(change, message):
    data = bought((1, 0, 30), (1, 40, 30)).assign(
        text="2020-01-01", half=[0.5, 1], zero=[0, 1], gone=["a", None], mixed=[(1,), 1]
    )
    with pytest.raises(MethodError, match=message) as refused:
        adherence.cma(data, **{**COLUMNS, "kind": 7, "follow_up_days": 90, **change})
    assert "\n" not in str(refused.value)


def test_refusals_of_the_others():
    data = bought((1, 0, 30, 1, "a"), (1, 0, 30, 1, "b")).assign(last=[5, 6], early=-1)
    follow = {"gap_days": 10, "follow_up_days": 90}
    with pytest.raises(MethodError, match="begin with several medications"):
        adherence.switching(data, **COLUMNS, medication="drug", **follow)
    with pytest.raises(MethodError, match="needs medication="):
        adherence.episodes(data, **COLUMNS, **follow, medication_change=True)
    with pytest.raises(MethodError, match="several ends"):
        adherence.persistence(data, **COLUMNS, **follow, end="last")
    with pytest.raises(MethodError, match="before the first dispensing"):
        adherence.persistence(data, **COLUMNS, **follow, end="early")
    with pytest.raises(MethodError, match="gap_days=-1"):
        adherence.episodes(data, **COLUMNS, gap_days=-1, follow_up_days=90)
    with pytest.raises(MethodError, match="one row"):
        adherence.initiation(data, data, person="person", start="day", date="day", follow_up_days=9)
    with pytest.raises(MethodError, match="no rows"):
        adherence.cma(data[:0], **COLUMNS, follow_up_days=90)
