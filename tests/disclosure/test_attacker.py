"""The attacker against tables whose secrets are known."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.disclosure.attacker import Place, exposed, feasible


@pytest.mark.parametrize(
    ("cells", "total", "ranges"),
    [
        ([0, None, None], 0, [(0, 0), (0, 0)]),
        ([10, 5, None, None], 15, [(0, 0), (0, 0)]),
        ([10, 3, None, None], 15, [(0, 2), (0, 2)]),
        ([10, None, None], 25, [(0, 15), (0, 15)]),
        ([10, None], 12, [(2, 2)]),
    ],
)
def test_one_way_tables(cells: list[int | None], total: int, ranges: list[tuple[int, int]]) -> None:
    table: dict[Place, float | None] = {(f"c{i}",): value for i, value in enumerate(cells)}
    found = feasible({**table, (None,): total})
    assert list(found.values()) == ranges


def test_without_totals_nothing_is_known() -> None:
    assert exposed({("a",): None, ("b",): 7}, 5) == {}


def test_a_rectangle_holds_and_a_lone_cell_does_not() -> None:
    table: dict[Place, float | None] = {
        ("a", "x"): 20,
        ("a", "y"): None,
        ("a", None): 38,
        ("a", "z"): 15,
        ("b", "x"): 8,
        ("b", "y"): 9,
        ("b", "z"): 30,
        ("b", None): 47,
        (None, "x"): 28,
        (None, "y"): 12,
        (None, "z"): 45,
        (None, None): 85,
    }
    assert exposed(table, 5) == {("a", "y"): (3, 3)}
    rectangle = table | {("a", "z"): None, ("b", "y"): None, ("b", "z"): None}
    assert exposed(rectangle, 5) == {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=4, max_size=4), st.sets(st.integers(0, 3), min_size=1, max_size=4)
)
def test_agrees_with_trying_all_tables(values: list[int], hidden: set[int]) -> None:
    places: list[Place] = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    shown: dict[Place, float | None] = {
        place: None if i in hidden else values[i] for i, place in enumerate(places)
    }
    sums: dict[Place, list[int]] = {
        ("a", None): [0, 1],
        ("b", None): [2, 3],
        (None, "x"): [0, 2],
        (None, "y"): [1, 3],
        (None, None): [0, 1, 2, 3],
    }
    totals: dict[Place, float | None] = {
        place: sum(values[i] for i in parts) for place, parts in sums.items()
    }
    unknown = sorted(hidden)
    possible = []
    for guess in itertools.product(range(13), repeat=len(unknown)):
        trial = list(values)
        for i, value in zip(unknown, guess, strict=True):
            trial[i] = value
        if all(sum(trial[i] for i in parts) == totals[place] for place, parts in sums.items()):
            possible.append(guess)
    by_trial = {
        places[i]: (min(p[k] for p in possible), max(p[k] for p in possible)) for k, i in enumerate(unknown)
    }
    assert feasible(shown | totals) == by_trial
