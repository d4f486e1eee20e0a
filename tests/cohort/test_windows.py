"""Windows: closed ranges of days around the index day. The table of docs/cohorts.md, row by row."""

import pytest

import sundbench as sb
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

EVENT = sb.death()


@pytest.mark.parametrize(
    ("occurrences", "first", "last"),
    [
        (EVENT.before(days=365), -365, -1),
        (EVENT.before(days=365, index_day=True), -365, 0),
        (EVENT.before(years=5), -1826, -1),
        (EVENT.before(years=10), -3652, -1),
        (EVENT.before(), None, -1),
        (EVENT.after(days=30), 1, 30),
        (EVENT.after(), 1, None),
        (EVENT.between(-30, 7), -30, 7),
        (EVENT.between(0, 0), 0, 0),
    ],
)
def test_boundaries(occurrences, first, last):
    assert occurrences.window == Window(first, last)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: EVENT.before(days=-3), "before(): days=-3: give a whole number, 1 or more"),
        (lambda: EVENT.before(days=1.5), "before(): days=1.5"),
        (lambda: EVENT.before(days=3, years=1), "both days and years"),
        (lambda: EVENT.before(years=-1), "years=-1: give a positive number"),
        (lambda: EVENT.after(days=0), "after(): days=0"),
        (lambda: EVENT.between(3, -3), "it ends before it begins"),
        (lambda: EVENT.between("2012-01-01", 3), "no whole number of days"),
    ],
)
def test_windows_without_sense(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)
