"""Suppressed tables hold against the attacker, and hide no more than they must in plain cases."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.disclosure.attacker import exposed
from sundbench.disclosure.output import TOTAL
from sundbench.disclosure.suppression import round_counts, suppress
from sundbench.errors import DisclosureError


def _cells(table: pd.DataFrame) -> dict[tuple[str | None, ...], float | None]:
    return {
        tuple(None if part == TOTAL else part for part in row[:-1]): None
        if pd.isna(row[-1])
        else float(row[-1])
        for row in table.itertuples(index=False)
    }


def test_a_small_cell_takes_the_smallest_other_with_it() -> None:
    table = suppress(pd.DataFrame({"region": ["a", "b", "c"], "persons": [3, 20, 7]}), by=["region"])
    hidden = table[table["persons"].isna()]["region"].tolist()
    assert hidden == ["a", "c"]
    assert table.iloc[-1].tolist() == [TOTAL, 30]


def test_two_small_cells_are_not_enough() -> None:
    table = suppress(pd.DataFrame({"region": ["a", "b", "c"], "persons": [2, 1, 20]}), by=["region"])
    assert table["persons"].isna().tolist() == [True, True, True, False]


def test_where_all_is_small_the_total_goes_too() -> None:
    table = suppress(pd.DataFrame({"region": ["a", "b"], "persons": [1, 2]}), by=["region"])
    assert table["persons"].isna().all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_small_cell_can_be_worked_out(counts: list[list[int]]) -> None:
    rows = [(f"r{i}", f"c{j}", n) for i, row in enumerate(counts) for j, n in enumerate(row)]
    table = suppress(pd.DataFrame(rows, columns=["row", "column", "persons"]), by=["row", "column"])
    cells = _cells(table)
    assert exposed(cells, 5) == {}
    assert not [value for value in cells.values() if value is not None and 0 < value < 5]


def test_a_table_that_is_none() -> None:
    with pytest.raises(DisclosureError, match="stands there twice"):
        suppress(pd.DataFrame({"sex": ["m", "m"], "persons": [3, 4]}), by=["sex"])
    with pytest.raises(DisclosureError, match="missing"):
        suppress(pd.DataFrame({"sex": ["m", None], "persons": [3, 4]}), by=["sex"])


def test_rounding_leaves_nothing_between_zero_and_the_base() -> None:
    assert round_counts(pd.Series([0, 1, 4, 5, 14, 15, 123])).tolist() == [0, 0, 0, 10, 10, 20, 120]
