"""Baseline tables whose levels are wide enough."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import description


def people(rows):
    return pd.DataFrame(rows, columns=["arm", "year"])


def test_a_thin_level_joins_its_smaller_neighbour():
    data = people(
        [("a", 2018)] * 9
        + [("a", 2019)] * 3
        + [("a", 2020)] * 7
        + [("b", 2018)] * 8
        + [("b", 2019)] * 8
        + [("b", 2020)] * 6
    )
    result = description.baseline(data, group="arm", characteristics=["year"])
    by = result.table.set_index(["group", "level"])["persons"]
    assert by["a", "total"] == 19
    assert by["a", "2019 / 2020"] == 10
    assert by["b", "2019 / 2020"] == 14
    assert result.merged["level"].tolist() == ["2019 / 2020"]


def test_what_ends_with_one_level_says_nothing():
    data = people([("a", 1)] * 9 + [("a", 2)] * 2 + [("b", 1)] * 9)
    table = description.baseline(data, group="arm", characteristics=["year"]).table
    assert table["characteristic"].tolist() == ["persons", "persons"]


def test_a_group_of_four_is_not_described():
    with pytest.raises(MethodError, match="group b has fewer than 5 persons"):
        description.baseline(people([("a", 1)] * 9 + [("b", 1)] * 4), group="arm", characteristics=["year"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6)), min_size=5, max_size=80))
def test_no_cell_is_small_and_nobody_is_lost(rows):
    data = people([*rows, *[("a", 1)] * 5, *[("b", 2)] * 5])
    table = description.baseline(data, group="arm", characteristics=["year"]).table
    assert (table["persons"] >= 5).all()
    sizes = table[table["level"] == "total"].set_index("group")["persons"]
    levels = table[table["characteristic"] == "year"]
    if len(levels):
        assert (levels.groupby("group")["persons"].sum() == sizes).all()
