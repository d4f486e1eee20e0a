"""Data dimensions: their words, and what isn't one."""

import re

import pytest

import sundbench as sb
from sundbench.cohort.high_dimensional.screening import Screening
from sundbench.cohort.high_dimensional.titles import titles
from sundbench.errors import StudyError
from sundbench.registers.catalogue import catalogue

PRIMARY = sb.dimension("diagnoses", types="A", level=4, name="primary")
GROUPS = sb.dimension("dispensings", level=4, exclude=["b01af", "B01AA"])
TESTS = sb.dimension("laboratory")
RULES = Screening((PRIMARY, GROUPS, TESTS), top=200, days=365, minimum=100, ranking="folded")


def test_the_rules_in_english_and_danish():
    english, danish = RULES.in_words().splitlines(), RULES.in_words("da").splitlines()
    assert "the 200 codes that rank highest by the smaller of p and 1 - p" in english[0]
    assert "de 200 koder, der rangerer højest efter det mindste af p og 1 - p" in danish[0]
    assert english[1:] == [
        "  primary: hospital diagnoses of type A by 4 characters",
        "  dispensings: dispensings at ATC level 4, without B01AF, B01AA",
        "  laboratory: laboratory tests done, whole codes",
    ]
    assert danish[1:] == [
        "  primary: sygehusdiagnoser af type A efter 4 tegn",
        "  dispensings: receptindløsninger på ATC-niveau 4, uden B01AF, B01AA",
        "  laboratory: udførte laboratorieprøver, hele koder",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"view": "deaths"}, "dimension('deaths'): no such dimension"),
        ({"view": "dispensings", "level": 6}, "level=6: choose 1 to 5"),
        ({"view": "laboratory", "level": 3}, "level=3: its codes are whole"),
        ({"view": "diagnoses", "types": "AH"}, "types='AH': choose among A, B, G"),
        ({"view": "diagnoses", "name": "my diagnoses"}, "name='my diagnoses': columns are named by it"),
        ({"view": "services", "exclude": "8x"}, "dimension('services'), exclude: '8x' is no specialty code"),
    ],
)
def test_what_is_no_dimension(words, message):
    with pytest.raises(StudyError, match=re.escape(message)):
        sb.dimension(**words)


def test_titles_are_the_catalogues_labels():
    labelled = next(
        (code, label) for code, label in catalogue()["lpr_diag"].columns["c_diagtype"].labels.items()
    )
    assert titles(PRIMARY, labelled[0]) == labelled[1]
    assert titles(PRIMARY, "DI48") is None
