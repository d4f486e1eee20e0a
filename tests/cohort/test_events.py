"""Events check their codes where they are written."""

import pytest

import sundbench as sb
from sundbench.cohort.events import EitherOf, Event
from sundbench.cohort.features import Feature
from sundbench.errors import StudyError


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.diagnosis("I48"), "'I48' is no ICD-10 as in LPR (leading D) or ICD-8 code: write 'DI48'"),
        (lambda: sb.diagnosis("DI48.9"), "write 'DI489'"),
        (lambda: sb.diagnosis([]), "no codes: give at least one"),
        (lambda: sb.diagnosis(["DI48", "DI48"]), "DI48 stands there twice"),
        (lambda: sb.diagnosis("DI48", position="H"), "position 'H': choose among A, B, G"),
        (lambda: sb.dispensing("B01AF2"), "'B01AF2' is no ATC code: one looks like 'B01AF02'"),
        (lambda: sb.hospital_medicine(["L01FF02", 3]), "3 is no text"),
        (lambda: sb.procedure("K"), "'K' is no SKS code"),
        (lambda: sb.lab("NPU273"), "'NPU273' is no NPU code"),
    ],
)
def test_wrong_codes(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_codes_are_upper_case_and_values_compare():
    assert sb.diagnosis("di48") == sb.diagnosis(["DI48"])
    assert sb.diagnosis("DI48", position="AB") == sb.diagnosis("DI48")
    assert sb.diagnosis("DI48", position="A") != sb.diagnosis("DI48")


def test_icd_8_codes_are_digits():
    assert sb.diagnosis("42709").codes == ("42709",)


def test_a_union_is_flat():
    union = sb.hospital_medicine("L01FF02") | sb.procedure("BOHJ19J3") | sb.dispensing("L01")
    assert isinstance(union, EitherOf)
    assert [part.view for part in union.parts] == ["hospital_medicines", "procedures", "dispensings"]


def test_a_union_of_something_else():
    with pytest.raises(StudyError, match="both sides must be events"):
        sb.death() | 3


def test_a_hospital_medicine_answers_to_its_old_code():
    from sundbench.cohort.sources import codes

    assert "L01FF02" in codes(sb.hospital_medicine("L01XC18"))


@pytest.mark.parametrize("base", [Event, Feature])
def test_what_all_events_and_features_share_is_none_itself(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()
