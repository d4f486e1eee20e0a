"""Sequence symmetry: which persons count, and what the null effect takes away."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import self_controlled

NAN = math.nan
INDEX = [10.0, 20, 30, 40, 50, 60, NAN]
MARKER = [11.0, 25, 29, 40, 90, NAN, 5]


def test_orders_within_the_limits_are_counted():
    found = self_controlled.sequence_symmetry(INDEX, MARKER, window_days=30)
    assert (found.index_first, found.marker_first, found.same_day) == (2, 1, 1)
    assert found.csr == 2


def test_blackout_excludes_its_own_last_day_and_the_window_includes_its():
    found = self_controlled.sequence_symmetry(INDEX, MARKER, window_days=40, blackout_days=1)
    assert (found.index_first, found.marker_first) == (2, 0)
    assert found.csr == math.inf
    assert "nobody started the marker first" in found.note
    assert found.table.loc["crude", "upper"] == math.inf
    assert 0 < found.table.loc["crude", "lower"] < math.inf


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60)), max_size=40),
    st.integers(1, 50),
)
def test_null_effect_is_a_count_over_all_pairs_of_starts(people, moving):
    starts = [[NAN if p[i] is None else p[i] for p in people] + [5, 20, 35][i : i + 2] for i in (0, 1)]
    index, marker = starts
    pairs = [(m - i) for i in index for m in marker if abs(m - i) <= moving]
    after, before = sum(p > 0 for p in pairs), sum(p < 0 for p in pairs)
    try:
        found = self_controlled.sequence_symmetry(index, marker, window_days=None, moving_window_days=moving)
    except MethodError:
        assert after == 0 or before == 0
    else:
        assert found.nsr == pytest.approx(after / before)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_swapping_the_medicines_inverts_the_ratios(seed):
    random = np.random.default_rng(seed)
    index, marker = random.integers(0, 400, (2, 200)).astype(float)
    one = self_controlled.sequence_symmetry(index, marker, window_days=200)
    other = self_controlled.sequence_symmetry(marker, index, window_days=200)
    assert one.asr == pytest.approx(1 / other.asr)
    assert one.table["lower"].to_numpy() == pytest.approx(1 / other.table["upper"].to_numpy())


def test_a_rising_use_of_the_marker_is_no_effect():
    random = np.random.default_rng(1)
    index = random.integers(0, 1000, 20000).astype(float)
    marker = 1000 * np.sqrt(random.random(20000)) // 1
    found = self_controlled.sequence_symmetry(index, marker, window_days=365, moving_window_days=365)
    assert found.csr > 1.1
    low, high = found.table.loc["adjusted", ["lower", "upper"]]
    assert low < 1 < high


def test_arrays_series_and_frames_say_the_same():
    index = pd.DataFrame({"person": range(7), "day": INDEX}).dropna()
    marker = pd.DataFrame({"person": range(7), "first": MARKER}).dropna().iloc[::-1]
    expected = self_controlled.sequence_symmetry(INDEX, MARKER, window_days=30)
    for a, b in (
        (index, marker),
        (pl.from_pandas(index), pl.from_pandas(marker).lazy()),
        (index.set_index("person")["day"], marker.set_index("person")["first"]),
        [pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D") for days in (INDEX, MARKER)],
    ):
        found = self_controlled.sequence_symmetry(a, b, window_days=30)
        assert found == expected


@pytest.mark.parametrize(
    ("index", "marker", "options", "says"),
    [
        ([1.0, 2], [2.0], {}, "in another order"),
        ([NAN, NAN], [1.0, 2], {}, "nobody started it"),
        ([1.0, 2], [1.0, 2], {}, "no order to compare"),
        ([1.0, 2], [2.0, 3], {}, "no null effect|no marker starts"),
        ([1.5, 2], [2.0, 3], {}, "whole days"),
        ([True, False], [2.0, 3], {}, "neither dates"),
        ([["a"], ["b"]], [2.0, 3], {}, "dimensions"),
        ([1.0, 2], [2.0, 1], {"blackout_days": 30}, "less than the window"),
        ([1.0, 2], [2.0, 1], {"blackout_days": -1}, "whole number"),
        ([1.0, 2], [2.0, 1], {"conf_level": 95}, "share between"),
        ([1.0, 2], ["2020-01-01", "2020-01-02"], {}, "both as dates"),
        (
            {"person": [1, 1], "day": [1, 2]},
            {"person": [1, 2], "day": [2, 1]},
            {},
            "rows are of persons",
        ),
    ],
)
def test_what_data_do_not_allow_is_refused(index, marker, options, says):
    with pytest.raises(MethodError, match=says):
        self_controlled.sequence_symmetry(index, marker, **{"window_days": 30} | options)
