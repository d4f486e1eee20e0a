"""Features know their kind, so that a comparison without sense is an error where it is written."""

import pytest

import sundbench as sb
from sundbench.errors import StudyError

STATIN = sb.dispensing("C10AA").before(days=365)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sb.age() >= "18", "compares int with text"),
        (lambda: sb.sex() > "female", "text has no order"),
        (lambda: sb.sex() == "man", "'man': its values are female, male"),
        (lambda: sb.region().is_in(["Jutland"]), "its values are North Denmark, Central Denmark"),
        (lambda: sb.region().is_in([]), "give at least one value"),
        (lambda: sb.age() & STATIN.any(), "joins features of yes and no"),
        (lambda: ~sb.age(), "only yes and no have an opposite"),
        (lambda: bool(STATIN.any()), "write & | ~ for and, or, not"),
        (lambda: 18 <= sb.age() <= 65, "write & | ~ for and, or, not"),
        (lambda: STATIN.sum("dose"), "choose among packages, ddd, price"),
        (lambda: sb.diagnosis("DI48").before().mean(), "it has no values"),
        (lambda: sb.death().before().distinct(), "it has no codes"),
        (lambda: sb.resident(days=-1), "give a whole number, 0 or more"),
        (lambda: sb.charlson(years=0), "give a positive number"),
    ],
)
def test_features_without_sense(build, message):
    with pytest.raises(StudyError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        (STATIN.any(), "bool"),
        (STATIN.count(), "int"),
        (STATIN.first(), "date"),
        (STATIN.days_since(), "int"),
        (STATIN.sum(), "float"),
        (STATIN.sum("price"), "int"),
        (STATIN.mean("price"), "float"),
        (STATIN.distinct(), "int"),
        (sb.lab("NPU27300").before(days=90).latest(), "float"),
        (sb.sex(), "text"),
        ((sb.age() >= 18) & ~STATIN.any(), "bool"),
        (STATIN.days_since().is_missing(), "bool"),
        (STATIN.count() > sb.charlson(years=5), "bool"),
    ],
)
def test_kinds(feature, kind):
    assert feature.kind == kind
