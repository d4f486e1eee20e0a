"""Education and income at index: the latest value known then, never a later year's."""

from datetime import date

import polars as pl
import pytest

import sundbench as sb
from sundbench.errors import StudyError

DRUG = sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=30)
LEVELS = {"basic": ["10"], "vocational": "30-35", "higher": ["40", "50", "60", "70"]}
SPANS = {name: (date(1990, 1, 1), date(2018, 12, 31)) for name in ("lmdb", "udda", "faik")}


@pytest.fixture
def values(write_extract):
    def make(index, feature, **registers):
        starts = {"person": [1], "eksd": [date.fromisoformat(index)], "atc": ["B01AF02"], "apk": [1]}
        frames = {"lmdb": pl.DataFrame(starts), **registers}
        db = sb.connect(write_extract(frames, coverage={name: SPANS[name] for name in frames}))
        study = sb.Study(DRUG, ("2000-01-01", "2018-12-31"), covariates={"x": feature})
        return study.collect(db).table["x"].to_pylist()

    return make


UDDA = pl.DataFrame(
    {"person": [1, 1, 1, 2], "aar": [2009, 2011, 2012, 2010], "hfaudd": ["1010", "3538", "5020", "7010"]}
)


@pytest.mark.parametrize(
    ("index", "level"),
    [
        ("2009-12-31", None),
        ("2010-01-01", "basic"),
        ("2011-12-31", "basic"),
        ("2012-01-01", "vocational"),
        ("2012-12-31", "vocational"),
        ("2013-01-01", "higher"),
        ("2018-06-01", "higher"),
    ],
)
def test_a_year_s_value_is_known_when_the_year_is_over(values, index, level):
    assert values(index, sb.education(LEVELS), udda=UDDA) == [level]


def test_education_is_the_register_s_code_if_no_levels_are_named(values):
    assert values("2012-06-01", sb.education(), udda=UDDA) == ["3538"]
    assert values("2012-06-01", sb.education() == "3538", udda=UDDA) == [True]


def test_a_code_of_no_level_is_missing(values):
    assert values("2012-06-01", sb.education({"basic": "10"}), udda=UDDA) == [None]


def test_income_is_the_latest_that_is_known(values):
    faik = pl.DataFrame(
        {
            "person": [1, 1, 1, 1],
            "aar": [2009, 2010, 2011, 2012],
            "famaekvivadisp_13": [100, 200, None, 400],
            "famindkomstialt_13": [1, 2, 3, 4],
        }
    )
    both = {"famaekvivadisp_13": pl.Int64, "famindkomstialt_13": pl.Int64}
    faik = faik.cast(both)
    assert values("2012-06-01", sb.income(), faik=faik) == [200]
    assert values("2012-06-01", sb.income("total"), faik=faik) == [3]
    assert values("2012-06-01", sb.income() < sb.income("total"), faik=faik) == [False]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (
            sb.education(),
            "covariates['x']: highest completed education (code), by the latest year before the index day's: "
            "the permit must ask for udda with hfaudd, aar",
        ),
        (sb.income(), "the permit must ask for faik with famaekvivadisp_13"),
    ],
)
def test_what_the_permit_lacks(values, feature, message):
    faik = pl.DataFrame({"person": [1], "aar": [2009], "famtype": ["1"]})
    with pytest.raises(StudyError) as caught:
        values("2012-06-01", feature, faik=faik)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.education({}), "education(): no levels"),
        (lambda: sb.education({"a": "10", "b": ["1010"]}), "level 'b': 1010 is of level 'a' too"),
        (lambda: sb.education({"a": []}), "level 'a': no codes"),
        (lambda: sb.education({"a": "10"}) == "c", "'c': its values are a"),
        (lambda: sb.income("net"), "choose among equivalised, disposable, total"),
    ],
)
def test_what_can_be_no_education_or_income(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)


def test_in_both_languages():
    assert sb.income().in_words("da").startswith("familiens ækvivaleret")
    assert sb.education({"basic": "10"}).in_words().startswith("highest completed education (basic: 10)")
