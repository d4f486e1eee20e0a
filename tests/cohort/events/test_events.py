"""Events check their codes where they are written."""

import pytest

import sundbench as sb
from sundbench.cohort.events.event import EitherOf, Event
from sundbench.cohort.features.feature import Feature
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
    from sundbench.cohort.events.conditions import codes

    assert "L01FF02" in codes(sb.hospital_medicine("L01XC18"))


@pytest.mark.parametrize("base", [Event, Feature])
def test_what_all_events_and_features_share_is_none_itself(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.diagnosis("DI48", contact="indlagt"), "choose among inpatient, outpatient, emergency"),
        (
            lambda: sb.contact("inpatient", acute="yes"),
            "acute='yes': write True for acute, False for planned",
        ),
        (lambda: sb.contact(specialty="kardiolgi"), "did you mean 'kardiologi'?"),
        (lambda: sb.contact(specialty="6"), "LPR2's codes have two digits, such as '06'"),
        (lambda: sb.dispensing("C10", product="12345678"), "is no product number"),
        (lambda: sb.dispensing("C10", product=[]), "no product"),
        (lambda: sb.dispensing("C10", strength=20), "write (5, 'mg')"),
        (lambda: sb.dispensing("C10", strength=(20, 10, "mg")), "it ends before it begins"),
        (lambda: sb.lab("NPU27300", above="48"), "above='48' is no number"),
        (lambda: sb.lab("NPU27300", above=48, at_least=50), "two limits of one side"),
        (lambda: sb.lab("NPU27300", above=48, below=48), "no value is both over 48 and under 48"),
        (lambda: sb.lab("NPU27300", unit=""), "write it as the laboratory does"),
        (lambda: sb.death(contributing=True), "contributing without a cause"),
        (lambda: sb.death("XX9"), "'XX9' is no ICD-10 or ICD-8 code"),
        (lambda: sb.service("GP"), "'GP' is no specialty (SSR) code"),
        (lambda: sb.service("80").before().count(), "count(): a row stands for several services"),
        (lambda: sb.tumour("410"), "the cancer registry has no ICD-8 codes"),
        (lambda: sb.tumour(morphology="X"), "'X' is no morphology (ICD-O-3) code"),
        (lambda: sb.contact().before().sum("price"), "choose among days"),
    ],
)
def test_what_can_be_no_event(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_causes_and_tumours_are_spelled_with_or_without_the_leading_d():
    assert sb.death("I21").causes == sb.death("DI21").causes == ("DI21",)
    assert sb.tumour("D05").codes == ("DD05",)
    assert sb.tumour("C00-C43").codes == sb.tumour("DC00-DC43").codes == ("DC00-DC43",)
    assert sb.death("410").causes == ("410",)
    assert sb.tumour(morphology="8140/3").morphology == ("M81403",)


@pytest.mark.parametrize(
    ("event", "en", "da"),
    [
        (
            sb.diagnosis("DI48", contact="inpatient", acute=True, specialty="06"),
            "a diagnosis of DI48 (type A, B; inpatient; acute; specialty 06)",
            "en diagnose DI48 (diagnosetype A, B; indlæggelse; akut; speciale 06)",
        ),
        (
            sb.dispensing("C10AA05", product="1234", strength=(10, 20, "mg")),
            "a dispensing of C10AA05 (product number 001234; strength 10 to 20 mg)",
            "en indløst recept på C10AA05 (varenummer 001234; styrke 10 til 20 mg)",
        ),
        (
            sb.lab("NPU27300", at_least=48, unit="mmol/mol"),
            "a laboratory result NPU27300 (at least 48, in mmol/mol)",
            "et laboratoriesvar NPU27300 (mindst 48, i mmol/mol)",
        ),
        (sb.death("I21"), "death of DI21 (underlying cause)", "død af DI21 (tilgrundliggende årsag)"),
        (sb.stay(acute=False), "a stay in hospital (planned)", "en indlæggelse (planlagt)"),
        (sb.hospital_cost(), "hospital care with a DRG tariff", "sygehusbehandling med DRG-takst"),
        (
            sb.service("80"),
            "a service of primary care (specialty 80)",
            "en ydelse i praksissektoren (speciale 80)",
        ),
        (
            sb.tumour(exclude="C44", first=True),
            "a tumour anything except DC44 (the person's first)",
            "en kræftsvulst hvad som helst undtagen DC44 (personens første)",
        ),
    ],
)
def test_events_in_both_languages(event, en, da):
    assert event.in_words() == en
    assert event.in_words("da") == da
