"""Parameters: types, domains, and the line that refuses."""

from datetime import date

import pytest
from pydantic import ValidationError

from sundbench.errors import StudyError
from sundbench.release.parameters import Parameter, bind

LABEL = {"da": "x", "en": "x"}


def _kind(**fields: object) -> Parameter:
    return Parameter.model_validate({"label": LABEL, **fields})


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (_kind(type="integer", default=1), "12", 12),
        (_kind(type="number", default=1.0), "12.5", 12.5),
        (_kind(type="number", default=1), "1e3", 1000.0),
        (_kind(type="date", default=date(2018, 6, 1)), "2019-02-28", "2019-02-28"),
        (_kind(type="text", default="a", pattern="[a-z]+"), "b", "b"),
        (_kind(type="choice", default="list", choices=["list", "tender"]), "tender", "tender"),
        (_kind(type="boolean", default=True), "no", False),
    ],
)
def test_texts_become_values(kind: Parameter, given: str, value: object) -> None:
    assert kind.convert(given, "p") == value
    assert type(kind.convert(given, "p")) is type(value)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (_kind(type="integer", default=1), "1.5", "'1.5' is not a whole number"),
        (_kind(type="integer", default=1), True, "is not a whole number"),
        (_kind(type="number", default=1.0), "21.000,50", "with a decimal point and no thousands separator"),
        (_kind(type="number", default=1.0), "nan", "is not a number"),
        (_kind(type="number", default=1.0), "1e999", "is not a number"),
        (_kind(type="date", default=date(2018, 6, 1)), "2018-02-31", "is not a date"),
        (_kind(type="date", default=date(2018, 6, 1)), "20180601", "is not a date"),
        (_kind(type="boolean", default=True), "maybe", "is not true or false"),
        (_kind(type="number", default=1.0, min=0, max=10), "11", "outside its domain: 0 to 10"),
        (_kind(type="date", default=date(2018, 6, 1), min=date(2018, 5, 1)), "2018-04-30", "from 2018-05-01"),
        (_kind(type="choice", default="a", choices=["a", "b"]), "c", "a or b"),
        (_kind(type="text", default="a", pattern="[a-z]"), "ab", "text like"),
    ],
)
def test_what_is_refused(kind: Parameter, given: object, says: str) -> None:
    with pytest.raises(StudyError, match=says) as refused:
        kind.convert(given, "price")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("parameter price: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "number", "default": 11.0, "max": 10},
        {"type": "choice", "default": "a"},
        {"type": "text", "default": "a", "min": 1},
        {"type": "integer", "default": 1, "pattern": "x"},
        {"type": "integer", "default": "one"},
        {"type": "date", "default": "2018-06-01", "min": 5},
    ],
)
def test_parameters_that_contradict_themselves(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _kind(**fields)


def test_binding_fills_in_defaults_and_refuses_strangers() -> None:
    kinds = {"price": _kind(type="number", default=5.0), "arm": _kind(type="text", default="a")}
    assert bind(kinds, {"price": "7"}) == {"price": 7.0, "arm": "a"}
    with pytest.raises(StudyError, match="no such parameter; it takes price, arm"):
        bind(kinds, {"prize": "7"})
