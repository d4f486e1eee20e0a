"""Cutting follow-up by several time scales."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundbench.cohort import lexis
from sundbench.errors import StudyError

EPOCH = date(1970, 1, 1)


def number(day):
    return (day - EPOCH).days


def cut(index, born, stop, *, start=0, age=None, calendar=None, since_entry=None):
    """One person's pieces: start, stop, label of each scale."""
    days = np.array([number(index)])
    scales, labels = [], []
    if age:
        bands = lexis.age_bands(age)
        scales.append(lexis.Age(bands, days, np.array([number(born)])))
        labels.append(bands.labels)
    if since_entry:
        bands = lexis.entry_bands(since_entry)
        scales.append(lexis.SinceEntry(bands))
        labels.append(bands.labels)
    if calendar:
        bands = lexis.calendar_bands(calendar)
        scales.append(lexis.Calendar(bands, days))
        labels.append(bands.labels)
    found = lexis.split(lexis.Spans(np.array([start]), np.array([stop])), scales)
    return [
        (int(a), int(b), *(of_scale[code] for of_scale, code in zip(labels, codes, strict=True)))
        for a, b, *codes in zip(found.start, found.stop, *found.codes, strict=True)
    ]


def test_two_scales():
    found = cut(date(2012, 12, 1), date(1962, 12, 11), 40, age=[50], calendar=[2013])
    assert found == [(0, 9, "<50", "<2013"), (9, 30, "50+", "<2013"), (30, 40, "50+", "2013+")]


def test_born_on_the_29th_of_february():
    found = cut(date(2013, 2, 20), date(1964, 2, 29), 20, age=[49])
    assert found == [(0, 8, "<49"), (8, 20, "49+")]  # 1 March 2013 is day 9
    found = cut(date(2012, 2, 20), date(1964, 2, 29), 20, age=[48])
    assert found == [(0, 8, "<48"), (8, 20, "48+")]  # 29 February 2012 is day 9


def test_nobody_and_no_days():
    nothing = lexis.split(
        lexis.Spans(np.array([5]), np.array([5])), [lexis.SinceEntry(lexis.entry_bands([3]))]
    )
    assert nothing.row.size == 0
    assert lexis.split(lexis.Spans(np.zeros(0, int), np.zeros(0, int)), []).row.size == 0


def test_the_worked_example_of_epi():
    """The first person of the example data on the help page ``Lexis`` of R's package Epi, by whole days.

    Born 14 July 1952, entry 4 August 1965, exit 27 June 1997; by five years of age and of calendar time.
    """
    index, born, end = date(1965, 8, 4), date(1952, 7, 14), date(1997, 6, 27)
    stop = number(end) - number(index)
    found = cut(index, born, stop, age=range(5, 50, 5), calendar=range(1955, 2000, 5))
    # Birthdays 15, 20, ..., 40 and new years 1970, 1975, ..., 1995 lie within: seven and six cuts.
    birthdays = [date(1952 + years, 7, 14) for years in range(15, 45, 5)]
    new_years = [date(year, 1, 1) for year in range(1970, 2000, 5)]
    cuts = sorted(number(day) - 1 - number(index) for day in birthdays + new_years)
    assert [piece[0] for piece in found] == [0, *cuts]
    assert [piece[1] for piece in found] == [*cuts, stop]
    assert found[0][2:] == ("10-14", "1965-1969")
    assert found[-1][2:] == ("40-44", "1995+")


def test_the_worked_example_of_time_dependent_covariates():
    """Therneau, Crowson and Atkinson, vignette "Using Time Dependent Covariates" of R's package survival.

    A death on day 185, creatinine measured on days 0, 90 and 120: (0, 90], (90, 120], (120, 185].
    """
    states = lexis.States(np.zeros(3, int), np.array([0, 90, 120]), np.array([0, 1, 2]))
    found = lexis.split(lexis.Spans(np.array([0]), np.array([185])), [states])
    assert found.start.tolist() == [0, 90, 120]
    assert found.stop.tolist() == [90, 120, 185]
    assert found.codes[0].tolist() == [0, 1, 2]


@given(
    st.dates(date(1915, 1, 1), date(2010, 1, 1)),
    st.dates(date(2010, 1, 2), date(2030, 1, 1)),
    st.integers(0, 100),
    st.integers(1, 4000),
)
def test_single_years_add_up_and_are_the_birthdays(born, index, start, length):
    found = cut(index, born, start + length, start=start, age=range(1, 131), calendar=range(2000, 2050))
    assert found[0][0] == start
    assert found[-1][1] == start + length
    assert all(one[1] == other[0] for one, other in pairwise(found))
    for begins, stops, age, year in found:
        assert begins < stops
        for day in (begins + 1, stops):
            then = date.fromordinal(index.toordinal() + day)
            years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
            assert age == ("<1" if years < 1 else str(years))
            assert year == str(then.year)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lexis.age_bands([]), "no cuts"),
        (lambda: lexis.age_bands([50, 40]), "from low to high"),
        (lambda: lexis.age_bands([40, 40]), "each once"),
        (lambda: lexis.age_bands([40.5]), "40.5 is no whole number"),
        (lambda: lexis.age_bands([True]), "no whole number"),
        (lambda: lexis.age_bands([0, 40]), "between 1 and 130"),
        (lambda: lexis.age_bands("40"), "give a list"),
        (lambda: lexis.age_bands(40), "give a list"),
        (lambda: lexis.calendar_bands([2012, "2013-01-01"]), "neither all years nor a day"),
        (lambda: lexis.calendar_bands(["2013-01-01", "2012-01-01"]), "from early to late"),
        (lambda: lexis.calendar_bands([12]), "years lie between"),
        (lambda: lexis.entry_bands([0]), "from 1 on"),
        (lambda: lexis.entry_bands([365, 30]), "from low to high"),
    ],
)
def test_bands_are_checked(make, message):
    with pytest.raises(StudyError, match=message):
        make()


def test_labels():
    assert lexis.age_bands([40, 41, 65]).labels == ("<40", "40", "41-64", "65+")
    assert lexis.calendar_bands(["2014-07-01", "2015-07-01"]).labels == (
        "<2014-07-01",
        "2014-07-01 to 2015-06-30",
        "2015-07-01+",
    )
    assert lexis.entry_bands([1, 30]).labels == ("1", "2-30", "31+")
