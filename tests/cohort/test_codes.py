"""Ranges, exclusions and lists of codes."""

import pytest

import sundbench as sb
from sundbench.cohort.codes import ICD, checked, holds
from sundbench.errors import StudyError


@pytest.mark.parametrize(
    ("code", "held"),
    [("DI600", True), ("DI60", True), ("DI699B", True), ("DI70", False), ("DI59", False), ("DI6", False)],
)
def test_a_range_holds_both_ends_and_all_below(code, held):
    assert holds(checked("di60-di69", ICD, "here"), code) == held


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.diagnosis("DI69-DI60"), "diagnosis('DI69-DI60'): the range 'DI69-DI60' ends before it"),
        (lambda: sb.diagnosis("DI60-I69"), "range 'DI60-I69': 'I69' is no ICD-10"),
        (lambda: sb.diagnosis("410-DI21"), "begins in one code system and ends in another"),
        (lambda: sb.lab("NPU27300-NPU27301"), "NPU codes are whole and have no ranges: list each"),
        (lambda: sb.diagnosis("DI48", exclude="DI50"), "exclude 'DI50': it isn't among the codes"),
        (lambda: sb.diagnosis("DI48", exclude="I489"), "diagnosis('DI48'), exclude: 'I489' is no ICD-10"),
        (lambda: sb.diagnosis("DI480", exclude="DI48"), "'DI480' is excluded whole"),
        (lambda: sb.diagnosis("DI60-DI62", exclude="DI60-DI69"), "'DI60-DI62' is excluded whole"),
        (lambda: sb.dispensing("A10", exclude="C10"), "exclude 'C10': it isn't among the codes"),
        (lambda: sb.diagnosis(7), "diagnosis(7): 7 is no text"),
        (lambda: sb.codes("atrial_fibrilation"), "did you mean 'atrial_fibrillation'?"),
        (
            lambda: sb.dispensing(sb.codes("heart_failure")),
            "dispensing(codes('heart_failure')): 'DI50' is no ATC code",
        ),
    ],
)
def test_wrong_codes(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_and_codes_mix_and_the_protocol_names_the_list():
    event = sb.diagnosis([sb.codes("intracranial_bleeding"), "DK922"], exclude="DI609")
    assert event.codes == ("DI60-DI62", "DK922")
    assert "DI60-DI62, DK922 except DI609 [list intracranial_bleeding]" in event.in_words()
    assert "undtagen DI609 [liste intracranial_bleeding]" in event.in_words("da")


def test_codes_may_come_once_only():
    assert sb.diagnosis((code for code in ("DI48", "DI50")), exclude=iter(["DI501"])).codes == (
        "DI48",
        "DI50",
    )
