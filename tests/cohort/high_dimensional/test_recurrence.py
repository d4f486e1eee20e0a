"""Once, sporadic, frequent: the published cases of the R package hdps, and single numbers one by one.

The cases are those of tests/testthat/test_assess_recurrence.R of github.com/lendle/hdps, commit 2acaca8.
"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_screening import quantile as plain_quantile

from sundbench.cohort.high_dimensional.recurrence import grades

PUBLISHED = [
    ([1, 1, 1], {"once": 1}),
    ([1, 1, 1, 3, 3, 3, 3, 3], {"once": 1, "sporadic": 3}),
    ([1, 1, 1, 1, 1, 3, 3, 3], {"once": 1, "frequent": 3}),
    ([1, 1, 1, 1, 1, 2, 2, 2, 2, 2], {"once": 1, "sporadic": 2}),
    ([2, 2, 2, 2, 2, 2, 2, 2, 3, 3], {"once": 2}),
]


@pytest.mark.parametrize(("times", "expected"), PUBLISHED)
def test_the_cases_of_the_r_package(times, expected):
    assert {one.grade: one.at_least for one in grades(Counter(times))} == expected


def test_a_cut_off_may_lie_between_two_numbers():
    once, sporadic, frequent = grades(Counter([1, 1, 2, 3, 4, 5]))
    assert (once.cut_off, once.rows) == (1, 6)
    assert (sporadic.cut_off, sporadic.at_least, sporadic.rows) == (2.5, 3, 3)
    assert (frequent.cut_off, frequent.rows) == (4, 2)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_grades_are_those_of_the_single_numbers(times):
    expected = {}
    for grade, cut_off in (
        ("once", 1.0),
        ("sporadic", plain_quantile(sorted(times), 0.5)),
        ("frequent", plain_quantile(sorted(times), 0.75)),
    ):
        having = frozenset(n for n, one in enumerate(times) if one >= cut_off)
        if having not in [rows for _, _, rows in expected.values()]:
            expected[grade] = (grade, cut_off, having)
    found = grades(Counter(times))
    assert [(one.grade, one.cut_off, one.rows) for one in found] == [
        (grade, cut_off, len(rows)) for grade, cut_off, rows in expected.values()
    ]
