"""Rows in groups."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.cohort.exposure.grouped import Groups, in_order

rows = st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["B", "A", "ÅØ", ""]), st.integers(0, 9)))


def framed(of, person=pl.Int32):
    return pl.DataFrame(of, schema={"person": person, "atc": pl.String, "day": pl.Int64}, orient="row")


@settings(deadline=None)
@given(rows)
def test_packed_columns_sort_as_they_do_by_themselves(of):
    frame = framed(of).with_row_index()
    assert in_order(frame, ["person", "atc"], ["day"]).equals(
        frame.sort("person", "atc", "day", maintain_order=True)
    )


def test_columns_too_wide_to_pack_sort_too():
    wide = [(2**62, "A", 1), (-(2**62), "B", 0), (0, "A", 5)]
    assert in_order(framed(wide, pl.Int64), ["person", "atc"], ["day"])["day"].to_list() == [0, 5, 1]


@settings(deadline=None)
@given(rows)
def test_steps_meet_every_row_but_the_first_of_each_group_after_the_row_before_it(of):
    frame = in_order(framed(of), ["person"], ["day"])
    groups = Groups(frame, ["person"])
    met = np.flatnonzero(groups.first).tolist()
    for step in groups.steps():
        assert set((step - 1).tolist()) <= set(met)
        met += step.tolist()
    assert sorted(met) == list(range(len(of)))
