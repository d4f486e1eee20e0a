"""A study is a value that checks itself when it is built."""

import re
from datetime import date

import pytest

import sundbench as sb
from sundbench.errors import StudyError

NEW = sb.new_users(
    {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, washout_days=365
)
ENTRY = ("2012-01-01", "2022-12-31")


def complains(message: str):
    return pytest.raises(StudyError, match=re.escape(message))


def test_equal_protocols_are_equal_and_share_a_digest():
    one = sb.Study(NEW, ENTRY, covariates={"old": sb.age() >= 65})
    same = sb.Study(NEW, (date(2012, 1, 1), date(2022, 12, 31)), covariates={"old": sb.age() >= 65})
    other = sb.Study(NEW, ENTRY, covariates={"old": sb.age() >= 66})
    assert one == same
    assert one.digest == same.digest
    assert one != other
    assert len({one, same, other}) == 2


def test_the_order_of_requirements_is_part_of_the_protocol():
    adult, woman = sb.age() >= 18, sb.sex() == "female"
    one = sb.Study(NEW, ENTRY, require={"adult": adult, "woman": woman})
    other = sb.Study(NEW, ENTRY, require={"woman": woman, "adult": adult})
    assert one != other


def test_the_protocol_says_everything_in_words():
    study = sb.Study(
        NEW,
        ENTRY,
        require={"atrial fibrillation": sb.diagnosis("DI48").before(years=10).any(), "adult": sb.age() >= 18},
        covariates={"statin": sb.dispensing("C10AA").before(days=365).any()},
        outcomes={"bleeding": sb.diagnosis(["DK922", "DI60"], position="A")},
        follow_up=sb.follow_up(until=[sb.death()], max_days=1825),
    )
    words = study.protocol()
    assert "2. Entry: from 2012-01-01 to 2022-12-31, both days included." in words
    assert "3.1 atrial fibrillation: a diagnosis of DI48 (type A, B), from day -3652 to day -1" in words
    assert "3.2 adult: age in whole years on the index day at least 18" in words
    assert "6.1 bleeding: a diagnosis of DK922, DI60 (type A)" in words
    assert "until the first of: death, day 1825, the end of the outcomes' registers" in words
    assert study.digest in words
    danish = study.protocol(language="da")
    assert "2. Inklusionsperiode: fra 1. januar 2012 til 31. december 2022, begge dage medregnet." in danish
    assert "3.1 atrial fibrillation: en diagnose DI48 (diagnosetype A, B), fra dag -3652 til dag -1" in danish
    assert "3.2 adult: alder i hele år på indeksdatoen mindst 18" in danish
    assert "4.1 statin: en indløst recept på C10AA, fra dag -365 til dag -1" in danish
    assert "fra dag 1 til det første af: død, dag 1825, ophør af udfaldenes registre" in danish


def test_the_protocol_names_its_codes_where_it_can():
    study = sb.Study(NEW, ENTRY, covariates={"af": sb.diagnosis(["DI48", "DI489"]).before().any()})
    assert "4.1 B01AA03: warfarin" in study.protocol()
    assert "4.3 DI48: atrieflimren og atrieflagren" in study.protocol("da")
    assert "DI489: " not in study.protocol()
    given = sb.procedure("BWHA107").before().any()
    assert "BWHA107: cisplatin" in sb.Study(NEW, ENTRY, covariates={"given": given}).protocol()


def test_another_language_than_the_two_is_refused():
    with complains("language='de': choose 'en' or 'da'"):
        sb.Study(NEW, ENTRY).protocol(language="de")


def test_notebooks_show_the_protocol_in_both_languages_behind_a_switch():
    study = sb.Study(NEW, ENTRY, require={"a <b>": sb.age() < 90})
    page = study._repr_html_()
    assert page.count("<details") == 2
    assert page.count(" open>") == 1
    assert "age in whole years on the index day under 90" in page
    assert "alder i hele år på indeksdatoen under 90" in page
    assert "a &lt;b&gt;" in page
    switch = page.split('name="')[1].split('"')[0]
    assert page.count(f'name="{switch}"') == 2
    assert switch not in study._repr_html_()


def test_a_requirement_must_be_yes_or_no():
    with complains("study, require['adult']: is no yes or no: compare it, as in sb.age() >= 18"):
        sb.Study(NEW, ENTRY, require={"adult": sb.age()})


def test_an_event_is_no_feature():
    with complains("an event needs a window and a reduction, as .any()"):
        sb.Study(NEW, ENTRY, covariates={"af": sb.diagnosis("DI48")})


def test_a_covariate_measured_after_index_is_refused():
    later = sb.diagnosis("DI48").after(days=30).any()
    with complains(
        "study, covariates['af']: a diagnosis of DI48 (type A, B), from day 1 to day 30: looks past"
    ):
        sb.Study(NEW, ENTRY, covariates={"af": later})
    assert sb.Study(NEW, ENTRY, measures={"af": later}).measures["af"] is later


def test_outcomes_need_follow_up():
    with complains("study: outcomes without follow_up"):
        sb.Study(NEW, ENTRY, outcomes={"death": sb.death()})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("2012", "2013-01-01"), "study, entry: '2012' is no day"),
        (("2013-01-02", "2013-01-01"), "study, entry: it ends on 2013-01-01, before it begins on 2013-01-02"),
        ("2013-01-02", "study, entry: '2013-01-02': give the first and the last day"),
    ],
)
def test_a_wrong_entry_period(entry, message):
    with complains(message):
        sb.Study(NEW, entry)


@pytest.mark.parametrize("name", ["drug", "end_reason"])
def test_names_that_every_cohort_has(name):
    with complains(f"study: {name!r} is a column that every cohort has"):
        sb.Study(NEW, ENTRY, covariates={name: sb.age()})


def test_two_columns_of_one_name():
    with complains("study: two columns would be named 'death_time'"):
        sb.Study(
            NEW,
            ENTRY,
            covariates={"death_time": sb.age()},
            outcomes={"death": sb.death()},
            follow_up=sb.follow_up(),
        )


def test_a_name_that_can_be_no_column():
    with complains("study, covariates['age at index']: it becomes a column's name"):
        sb.Study(NEW, ENTRY, covariates={"age at index": sb.age()})
