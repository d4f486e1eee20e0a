"""The checklist of a study says what its protocol says, in both languages, and nothing that was counted."""

import polars as pl
import pytest

import sundbench as sb
from sundbench.cohort import record_pe
from sundbench.errors import StudyError


@pytest.fixture
def db(write_extract):
    nobody = {"person": [1]}
    return sb.connect(
        write_extract(
            {
                "bef": pl.DataFrame(nobody | {"referencetid": ["2015-12-31"], "koen": ["1"]}).with_columns(
                    foed_dato=pl.lit("1950-01-01"), reg=pl.lit("84")
                ),
                "dod": pl.DataFrame(nobody | {"doddato": ["2020-01-01"]}),
                "lmdb": pl.DataFrame(nobody | {"eksd": ["2016-01-01"], "atc": ["B01AF02"]}),
                "lpr_diag": pl.DataFrame(nobody | {"d_inddto": ["2016-01-01"]}).with_columns(
                    c_diag=pl.lit("DI48"), c_diagtype=pl.lit("A")
                ),
                "vnds": pl.DataFrame(nobody | {"haend_dato": ["2010-01-01"], "indud_kode": ["I"]}),
            }
        )
    )


@pytest.fixture
def study():
    return sb.Study(
        population=sb.new_users(
            {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, washout_days=365
        ),
        entry=("2012-01-01", "2018-12-31"),
        require={"atrial fibrillation": sb.diagnosis("DI48").before(years=5).any()},
        covariates={"age": sb.age(), "statin": sb.dispensing("C10AA").before(days=365).any()},
        outcomes={"stroke": sb.diagnosis("DI63")},
        follow_up=sb.follow_up(until=[sb.death(), sb.emigration()], max_days=365),
    )


def answers(table, language="en"):
    return table.set_index("item")[language]


def test_it_answers_from_the_protocol_in_both_languages(study, db):
    table = record_pe.checklist(study, db)
    english, danish = answers(table), answers(table, "da")
    assert english["1a"] == "New-user cohort study."
    assert danish["1a"] == "Kohortestudie af nye brugere."
    assert "Entry: from 2012-01-01 to 2018-12-31" in english["5"]
    assert "1. januar 2012" in danish["5"]
    assert "atrial fibrillation: a diagnosis of DI48" in english["6.1"]
    assert "(4) one drug alone on the index day; (5) atrial fibrillation" in english["6.1.a"]
    assert "DI63 cerebral infarction" in english["7.1"]
    assert "B01AF02 apixaban" in danish["7.1"]
    assert "lmdb" in english["7.1.b"]
    assert "lpr" not in english["7.1.b"]
    assert "death, emigration, day 365" in english["12d"]
    assert "community pharmacies" in english["19.1.a"]


def test_it_answers_nothing_of_results_nor_for_the_author(study, db):
    given = set(record_pe.checklist(study, db)["item"])
    left = [number for number in record_pe.items() if number not in given]
    assert {"1b", "2", "3", "6.2", "13a", "15", "16a", "18", "20.a", "22"} <= set(left)


def test_items_come_once_in_the_checklists_order(study, db):
    numbers = list(record_pe.checklist(study, db)["item"])
    assert numbers == [number for number in record_pe.items() if number in numbers]


def test_a_self_controlled_design_names_its_exposures(db):
    study = sb.Study(
        population=sb.residents(on="2012-01-01"),
        outcomes={
            "stroke": sb.outcome(sb.diagnosis("DI63"), recurrent=True),
            "apixaban": sb.outcome(sb.dispensing("B01AF02"), recurrent=True),
        },
        follow_up=sb.follow_up(until=[sb.death()]),
    )
    english = answers(
        record_pe.checklist(
            study, db, designs=["self-controlled case series", "cohort study"], exposures=["apixaban"]
        )
    )
    assert english["7"].startswith("Outcomes: stroke. Exposures: apixaban.")
    assert "windows after a dispensing" not in english["7.1.d"]  # one of the designs is none of that kind
    alone = answers(
        record_pe.checklist(study, db, designs=["self-controlled case series"], exposures=["apixaban"])
    )
    assert "windows after a dispensing" in alone["7.1.d"]
    assert alone["7.1.f"] == "Each person's own other time."
    assert alone["12.1.b"] == "One design is used."


def test_an_answer_that_is_too_long_is_cut_and_says_so(db, study):
    require = {f"criterion number {n}": sb.age() >= 18 for n in range(90)}
    long = sb.Study(population=study.population, entry=study.entry, require=require)
    text = answers(record_pe.checklist(long, db))["6.1"]
    assert len(text) <= record_pe.LONGEST
    assert text.endswith("(cut: the whole protocol is printed by the study's notebook)")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"designs": ["my own words"]}, "choose among cohort study, new-user cohort study"),
        ({"designs": []}, "choose among"),
        ({"exposures": ["aspirin"]}, "the study has no outcome aspirin"),
    ],
)
def test_words_of_the_authors_own_are_refused(study, db, given, message):
    with pytest.raises(StudyError, match=message):
        record_pe.checklist(study, db, **given)


def test_a_text_is_no_study(db):
    with pytest.raises(StudyError, match="str is no study"):
        record_pe.checklist("anything that I want to let out", db)
