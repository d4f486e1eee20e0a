"""Windows that hang on other dates than the index day: what is refused when written, what in a protocol."""

import re
from datetime import UTC, date, datetime

import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort.spans import Edge, Span
from sundbench.cohort.windows import Period, Window
from sundbench.errors import StudyError

AF, STATIN = sb.diagnosis("DI48"), sb.dispensing("C10AA")
EARLIER = AF.before(days=100).first()
EVER = AF.before().first()
LATER = AF.after(days=30).first()
AROUND = AF.between(-5, 30).first()
NEW = sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=365)
ENTRY = ("2012-01-01", "2012-12-31")


def complains(message: str):
    return pytest.raises(StudyError, match=re.escape(message))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AF.before(days=1.5, of=EVER), "before(): days=1.5: give a whole number"),
        (lambda: AF.before(days=True, of=EVER), "before(): days=True: give a whole number"),
        (lambda: AF.before(years=True, of=EVER), "years=True: give a positive number"),
        (lambda: AF.before(days=3, years=1, of=EVER), "both days and years"),
        (lambda: AF.before(of=STATIN.before().count()), "is int, no date: count from a date"),
        (lambda: AF.before(of=sb.sex()), "sex: is text, no date"),
        (
            lambda: AF.before(of=STATIN),
            "happens on many days: say which, as in event.before(",
        ),
        (lambda: AF.before(of=STATIN.before()), "happens on many days: say which, as in ...first()"),
        (lambda: AF.before(of="2012-01-01"), "'2012-01-01' is no date"),
        (lambda: AF.between(None, None, of=EVER), "no end hangs on of="),
        (lambda: AF.between(3, 1, of=EVER), "it ends before it begins"),
        (lambda: AF.between(0, 0, of=EVER, closed="left"), "closed='left': no day lies in it"),
        (lambda: AF.between(0, 0, closed="none"), "closed='none': no day lies in it"),
        (lambda: AF.between(EVER, EVER, closed="none"), "closed='none': no day lies in it"),
        (
            lambda: AF.between(date(2012, 1, 1), date(2012, 1, 1), closed="none"),
            "closed='none': no day lies in it",
        ),
        (lambda: AF.between(0, 5, closed="open"), "closed='open': choose among both, left, right, none"),
        (lambda: AF.between(0, EVER, of=EVER), "of= and an end that is no number of days"),
        (lambda: AF.between(False, 5), "False is no whole number of days"),
        (lambda: AF.between(0.5, 5), "0.5 is no whole number of days"),
        (lambda: AF.between(datetime(2012, 1, 1, 12, tzinfo=UTC), -1), "has a time: give a day"),
        (lambda: AF.between(STATIN.before().any(), -1), "is bool, no date"),
    ],
)
def test_windows_without_sense(build, message):
    with complains(message):
        build()


def test_the_plainest_window_is_taken():
    assert AF.between(-9, 9, closed="none").window == Window(-8, 8)
    assert AF.between(None, -1).window == AF.before().window
    assert AF.between(date(2012, 1, 1), date(2012, 1, 9), closed="left").window == Period(
        date(2012, 1, 1), date(2012, 1, 8)
    )
    assert AF.before(days=9, of=sb.index_date()).window == AF.before(days=9).window
    assert AF.between(date(2012, 1, 1), -1).window == Span(Edge(0, date(2012, 1, 1)), Edge(-1, None))


def test_equal_windows_are_equal():
    again = AF.before(days=100).first()
    assert STATIN.before(days=9, of=EARLIER).window == STATIN.before(days=9, of=again).window
    assert len({STATIN.before(days=9, of=EARLIER).window, STATIN.before(days=9, of=again).window}) == 1
    assert STATIN.before(days=9, of=EARLIER).window != STATIN.before(days=9, of=EVER).window


REFUSED = {
    "counted from a date after index": STATIN.before(days=5, of=LATER),
    "an anchor after index, though the window ends at index": STATIN.between(AROUND, 0),
    "from an anchor onwards": STATIN.after(of=EARLIER),
    "a length that may pass index": STATIN.after(days=2, of=EARLIER),
    "an end that may pass index": STATIN.between(-30, EARLIER + 2),
    "a date moved by a feature": STATIN.before(of=EARLIER - STATIN.before().count()),
    "the earlier of two, one of which may be missing": STATIN.before(of=sb.min_of(EARLIER, LATER)),
    "a calendar day after entry begins": STATIN.between(EARLIER, date(2012, 1, 2)),
    "anchored on what is anchored after index": STATIN.before(of=AF.before(of=LATER).first()),
}
TAKEN = {
    "counted from a date before index": STATIN.before(days=5, of=EARLIER),
    "up to the day after the latest anchor": STATIN.after(days=1, of=EARLIER),
    "bounded by index": STATIN.between(EARLIER, 0),
    "bounded by the index day as a date": STATIN.between(EARLIER + 50, sb.index_date()),
    "a date moved back": STATIN.before(of=EARLIER - 3, index_day=True),
    "the earlier of two": STATIN.before(of=sb.min_of(EARLIER, EVER)),
    "a filled date": STATIN.before(of=EARLIER.fill(sb.index_date())),
    "a calendar day when entry begins": STATIN.between(EVER, date(2012, 1, 1)),
    "a period before entry": STATIN.between(date(2000, 1, 1), date(2011, 12, 31)),
    "three deep": STATIN.before(of=AF.between(AF.before(days=9, of=EARLIER).first(), -1).last()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_immortal_time_is_refused(name):
    for part in ("covariates", "require"):
        with complains("looks past the index day (immortal time)"):
            sb.Study(NEW, ENTRY, **{part: {"x": REFUSED[name].any()}})
    sb.Study(NEW, ENTRY, measures={"x": REFUSED[name].any()})


@pytest.mark.parametrize("name", TAKEN)
def test_what_ends_at_index_is_taken(name):
    sb.Study(NEW, ENTRY, covariates={"x": TAKEN[name].any()}, require={"x": TAKEN[name].any()})


def test_the_message_says_how_to_bound_the_window():
    with complains(
        "study, covariates['x']: a dispensing of C10AA, any time after the first date of a diagnosis of DI48"
    ):
        sb.Study(NEW, ENTRY, covariates={"x": STATIN.after(of=EARLIER).any()})
    with complains("or end it at the index day, as in between(date, 0)"):
        sb.Study(NEW, ENTRY, covariates={"x": STATIN.after(of=EARLIER).any()})


def test_a_window_that_is_empty_for_everybody_is_refused():
    with complains("study, measures['x']: a dispensing of C10AA"):
        sb.Study(NEW, ENTRY, measures={"x": STATIN.between(5, EARLIER).any()})
    sb.Study(NEW, ENTRY, measures={"x": STATIN.between(date(2012, 6, 1), -1).any()})


@pytest.fixture
def db(write_extract):
    life = (
        Happening("dispensings", date(2012, 6, 1), "B01AF02"),
        Happening("dispensings", date(2012, 3, 1), "C10AA01"),
        Happening("dispensings", date(2012, 4, 1), "C10AA01"),
        Happening("diagnoses", date(2012, 4, 10), "DI489", "A"),
    )
    one = Person(1, date(1950, 6, 1), "female", ((date(2011, 12, 31), "Capital"),), life)
    none = Person(2, date(1950, 6, 1), "male", ((date(2011, 12, 31), "Capital"),), life[:1])
    return sb.connect(write_extract(registers([one, none]), coverage=ALWAYS))


def test_of_a_missing_date_nothing_happens(db):
    window = STATIN.between(EARLIER - 30, EARLIER)
    features = {
        "any": window.any(),
        "count": window.count(),
        "first": window.first(),
        "sum": window.sum(),
        "mean": window.mean(),
    }
    rows = sb.Study(NEW, ENTRY, covariates=features).collect(db).table.to_pylist()
    assert [[row[name] for name in features] for row in rows] == [
        [True, 1, date(2012, 4, 1), 1.0, 1.0],
        [False, 0, None, 0.0, None],
    ]


def test_equal_reductions_are_computed_once(db):
    study = sb.Study(
        NEW,
        ENTRY,
        covariates={
            "one": STATIN.between(EARLIER - 30, -1).any(),
            "same": STATIN.between(AF.before(days=100).first() - 30, -1).any(),
            "date": EARLIER,
        },
    )
    assert len(study.explain(db).plan.slots) == 2


def test_a_requirement_may_hang_on_a_date_and_on_age(db):
    old = sb.case((sb.age() >= 60, EARLIER), otherwise=STATIN.before().first())
    study = sb.Study(NEW, ENTRY, require={"a statin before": STATIN.before(days=20, of=old).any()})
    assert study.collect(db).table["person"].to_pylist() == [1]


def test_a_look_back_from_a_date_is_refused_where_it_can_be_told(write_extract, db):
    study = sb.Study(NEW, ENTRY, covariates={"x": STATIN.before(days=100, of=EARLIER).any()})
    study.check(db)
    one = Person(1, date(1950, 6, 1), "female", (), (Happening("dispensings", date(2012, 6, 1), "B01AF02"),))
    short = ALWAYS | {"lmdb": (date(2011, 1, 1), date(2018, 12, 31))}
    later = sb.connect(write_extract(registers([one]), coverage=short))
    long = sb.Study(NEW, ENTRY, covariates={"x": STATIN.before(days=300, of=EARLIER).any()})
    with complains(
        "starts on 2010-11-27, but dispensings begin on 2011-01-01: let entry begin on 2012-02-05"
    ):
        long.check(later)
    period = sb.Study(NEW, ENTRY, covariates={"x": STATIN.between(date(2010, 1, 1), date(2011, 12, 1)).any()})
    with complains("starts on 2010-01-01, but dispensings begin on 2011-01-01: look back less, or say"):
        period.check(later)


def test_a_look_back_that_can_not_be_told_is_noted(db):
    study = sb.Study(NEW, ENTRY, covariates={"x": STATIN.before(days=100, of=EVER).any()})
    note = "covariates['x']: a window hangs on a date that may lie at any time before the index day"
    assert note in str(study.explain(db))
    assert study.collect(db).notes[0].startswith(note)


def test_words():
    assert STATIN.before(days=9, of=EVER).in_words() == (
        "a dispensing of C10AA, from day -9 to day -1 counted from the first date of a diagnosis of DI48 "
        "(type A, B), any time before the index day"
    )
    assert STATIN.between(EVER, -1, closed="right").in_words() == (
        "a dispensing of C10AA, from 1 day after the first date of a diagnosis of DI48 (type A, B), any time "
        "before the index day to day -1"
    )
    assert "regnet fra første dato for" in STATIN.before(days=9, of=EVER).in_words("da")


def test_the_example_of_the_guide(db, repository):
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    example = re.search(r"## Windows that hang on other dates.*?```\n(.*?)```", guide, re.DOTALL)[1]
    names = {"sb": sb}
    exec(example, names)
    frame = sb.Study(NEW, ENTRY, covariates=names["covariates"]).collect(db).frame
    assert frame["treatment"].to_list() == ["none", "none"]
