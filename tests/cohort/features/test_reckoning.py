"""Arithmetic with features and choices between them: kinds, words, and what makes no sense."""

import re
from datetime import UTC, date, datetime

import pytest

import sundbench as sb
from sundbench.errors import StudyError

STATIN = sb.dispensing("C10AA").before(days=365)
FIRST = STATIN.first()
YES = STATIN.any()


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        (sb.age() + 1, "int"),
        (1 + sb.age(), "int"),
        (2 * sb.age() - 0.5, "float"),
        (sb.age() / 2, "float"),
        (100 / sb.age(), "float"),
        (FIRST + 5, "date"),
        (5 + FIRST, "date"),
        (FIRST - 5, "date"),
        (FIRST - STATIN.last(), "int"),
        (date(2012, 1, 1) - FIRST, "int"),
        (sb.index_date() - FIRST, "int"),
        (sb.years_between(FIRST, sb.index_date()), "int"),
        (sb.case((YES, 1), otherwise=2), "int"),
        (sb.case((YES, 1), otherwise=0.5), "float"),
        (sb.case((YES, FIRST)), "date"),
        (sb.case((YES, True), otherwise=sb.age() > 5), "bool"),
        (sb.case((YES, sb.sex()), otherwise="none"), "text"),
        (sb.max_of(sb.age(), 2), "int"),
        (sb.min_of(FIRST, date(2012, 1, 1)), "date"),
        (FIRST.fill(sb.index_date()), "date"),
        (sb.age().fill(0.5), "float"),
        (STATIN.nth(2), "date"),
        (STATIN.first_value("price"), "int"),
        (STATIN.min("packages"), "float"),
        (STATIN.latest("price"), "int"),
    ],
)
def test_kinds(feature, kind):
    assert feature.kind == kind


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.age() + YES, "make a number of yes and no by sb.case((feature, 1), otherwise=0)"),
        (lambda: sb.age() + True, "joins no int with bool"),
        (lambda: sb.sex() + "x", "joins no text with text"),
        (lambda: FIRST + 0.5, "a date can be moved by whole days"),
        (lambda: FIRST + FIRST, "a date can be moved by whole days, and dates be subtracted"),
        (lambda: 5 - FIRST, "a date can be moved by whole days"),
        (lambda: FIRST * 2, "a date can be moved by whole days"),
        (lambda: sb.age() / 0, "divides by 0"),
        (lambda: sb.age() + float("inf"), "joins no int with float"),
        (lambda: sb.age() >= -float("inf"), "compares int with float"),
        (lambda: datetime(2012, 1, 1, 8, tzinfo=UTC) <= FIRST, "compares date with datetime"),
        (lambda: sb.years_between(FIRST, sb.age()), "is no date"),
        (lambda: sb.years_between(date(2012, 1, 1), date(2013, 1, 1)), "give at least one feature"),
        (sb.case, "no conditions"),
        (lambda: sb.case(YES), "give pairs, as (sb.age() >= 65, 'old')"),
        (lambda: sb.case((sb.age(), 1)), "is no yes or no: compare it"),
        (lambda: sb.case((YES, 1), otherwise="x"), "gives int and text: give values of one kind"),
        (lambda: sb.case((YES, None)), "gives nothing but missing"),
        (lambda: sb.case((YES, object())), "is no value of a feature"),
        (lambda: sb.max_of(sb.age()), "give two values or more"),
        (lambda: sb.max_of(1, 2), "at least one of them a feature"),
        (lambda: sb.max_of(sb.age(), None), "leave None out"),
        (lambda: sb.min_of(sb.sex(), "female"), "text has no order"),
        (lambda: sb.min_of(sb.age(), FIRST), "gives int and date"),
        (lambda: sb.age().fill("x"), "gives int and text"),
        (lambda: sb.age().fill(None), "fills with nothing"),
        (lambda: STATIN.nth(0), "nth(0): give a whole number"),
        (lambda: STATIN.nth(1.0), "nth(1.0): give a whole number"),
        (lambda: STATIN.nth(True), "nth(True): give a whole number"),
        (lambda: STATIN.max("dose"), "max('dose'): choose among packages, ddd, price"),
        (lambda: sb.death().before().min(), "it has no values"),
    ],
)
def test_without_sense(build, message):
    with pytest.raises(StudyError, match=re.escape(message)):
        build()


def test_texts_become_categories_in_the_order_of_listing():
    chosen = sb.case((YES, "statin"), (sb.age() > 80, "old"), otherwise="none")
    assert chosen.labels == ("statin", "old", "none")
    assert sb.region().fill("unknown").labels[-1] == "unknown"
    assert (chosen == "old").kind == "bool"
    with pytest.raises(StudyError, match="its values are statin, old, none"):
        _ = chosen == "young"


def test_words():
    assert (sb.age() * 2 + 1).in_words() == "((age in whole years on the index day × 2) + 1)"
    assert (FIRST + 5).in_words().endswith("from day -365 to day -1 + 5 days)")
    assert (sb.index_date() - FIRST).in_words().startswith("days from first date of a dispensing of C10AA")
    assert sb.case((YES, "a"), otherwise=None).in_words("da").startswith("(a hvis en indløst recept")
    assert sb.max_of(FIRST, sb.index_date()).in_words().startswith("latest of (first date of")
    assert sb.age().fill(0).in_words() == "age in whole years on the index day, 0 where missing"
    assert STATIN.nth(-2).in_words().startswith("date of day number 2 from the last of a dispensing")
    assert STATIN.min("price").in_words("da").startswith("mindste pris: en indløst recept på C10AA")
