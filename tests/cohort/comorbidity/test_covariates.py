"""Comorbidity as covariates of a study: scores and elements, equal to those of plain frames."""

from datetime import date, timedelta

import polars as pl
import pytest
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort import comorbidity
from sundbench.errors import StudyError

INDEX = date(2012, 6, 1)
NEW = sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=365)
ENTRY = ("2012-01-01", "2012-12-31")
CODES = (
    "DE110",
    "DE112",
    "DI10",
    "DI119",
    "DC349",
    "DC787",
    "DD86",
    "DI219",
    "DK709",
    "DM05",
    "24900",
    "DZ000",
)


@pytest.fixture
def diagnosed():
    """Persons who start apixaban on INDEX, each with a few codes at various distances before it."""
    return [
        (number, [(code, -(300 * number + 200 * nth)) for nth, code in enumerate(CODES[number % 5 :: 3])])
        for number in range(1, 9)
    ]


@pytest.fixture
def db(write_extract, diagnosed):
    persons = [
        Person(
            number,
            date(1950, 6, 1),
            "female",
            (),
            (
                Happening("dispensings", INDEX, "B01AF02"),
                *(Happening("diagnoses", INDEX + timedelta(days), code, "A") for code, days in had),
            ),
        )
        for number, had in diagnosed
    ]
    return sb.connect(write_extract(registers(persons), coverage=ALWAYS))


FEATURES = [
    ("charlson", {"codes": "danish"}),
    ("charlson", {"codes": "heaven"}),
    ("charlson", {"codes": "quan", "weights": "quan"}),
    ("charlson", {"codes": "swedish", "hierarchy": False}),
    ("charlson", {"codes": "australian", "weights": "unweighted"}),
    ("elixhauser", {}),
    ("elixhauser", {"weights": "swiss", "hierarchy": False}),
]


@pytest.mark.parametrize(("index", "how"), FEATURES)
def test_a_study_gives_what_plain_frames_give(db, diagnosed, index, how):
    score = getattr(sb, index)(years=5, **how)
    frame = sb.Study(NEW, ENTRY, covariates={"score": score, **score.elements()}).collect(db).frame
    diagnoses = pl.DataFrame(
        [(number, code, INDEX + timedelta(days)) for number, had in diagnosed for code, days in had],
        schema=["person", "code", "date"],
        orient="row",
    )
    at_index = pl.DataFrame({"person": [n for n, _ in diagnosed], "index": [INDEX] * len(diagnosed)})
    plain = getattr(comorbidity, index)(diagnoses, index=at_index, years=5, **how).table
    assert frame["score"].any()
    for name in ("score", *score.elements()):
        assert frame[name].to_list() == plain[name].to_list()


def test_an_element_alone_knows_its_graver_form(db):
    element = sb.charlson(years=10, codes="quan").element("diabetes")
    alone = sb.Study(NEW, ENTRY, covariates={"diabetes": element}).collect(db).frame
    both = sb.Study(NEW, ENTRY, covariates=sb.charlson(years=10, codes="quan").elements()).collect(db).frame
    assert alone["diabetes"].to_list() == both["diabetes"].to_list()


def test_scores_and_elements_are_features_like_others(db):
    index = sb.charlson(years=10)
    study = sb.Study(NEW, ENTRY, require={"ill": (index >= 1) & ~index.element("aids")})
    assert (
        len(study.collect(db)) == sb.Study(NEW, ENTRY, require={"ill": index >= 1}).collect(db).frame.shape[0]
    )


def test_the_protocol_says_whose_codes_and_weights():
    words = sb.charlson(years=5, codes="quan", hierarchy=False).in_words()
    assert words == (
        "Charlson index (ICD-10 codes of Quan 2005, weights charlson, no hierarchy), "
        "diagnoses of type A, B or G, from day -1826 to day -1"
    )
    assert sb.elixhauser(years=1).element("obesity").in_words().startswith("obesity of the Elixhauser index")


def test_a_look_back_by_icd_10_alone_may_not_start_before_1994(write_extract):
    start = (Happening("dispensings", date(1997, 6, 1), "B01AF02"),)
    db = sb.connect(write_extract(registers([Person(1, date(1950, 1, 1), "male", (), start)])))
    since_1997 = (
        sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=1),
        ("1997-06-01", "1997-12-31"),
    )
    assert sb.Study(*since_1997, covariates={"c": sb.charlson(years=5)}).collect(db).frame["c"].to_list() == [
        0
    ]
    with pytest.raises(StudyError, match="diagnoses begin on 1994-01-01"):
        sb.Study(*since_1997, covariates={"c": sb.charlson(years=5, codes="quan")}).check(db)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.charlson(years=0), "give a positive number"),
        (lambda: sb.charlson(years=5, codes="icd9"), "no such code list: choose among danish, heaven, quan"),
        (lambda: sb.charlson(years=5, weights="quan"), "no such weights: choose among charlson, unweighted"),
        (lambda: sb.charlson(years=5).element("obesity"), "no condition 'obesity'"),
        (lambda: sb.elixhauser(years=5, weights="charlson"), "choose among van_walraven, swiss, unweighted"),
    ],
)
def test_indices_without_sense(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)
