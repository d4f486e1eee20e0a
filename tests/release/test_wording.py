from datetime import date

import pytest

from sundbench.release import wording


@pytest.mark.parametrize(
    ("value", "danish", "english"),
    [
        (1234.5, "1.234", "1,234"),
        (1234567, "1.234.567", "1,234,567"),
        (0.4711, "0,47", "0.47"),
        (-0.05, "−0,05", "−0.05"),
        (0.00123, "0,0012", "0.0012"),
        (12.34, "12,3", "12.3"),
        (-0.00001, "0,0000", "0.0000"),
        (3.0, "3", "3"),
        (float("nan"), "–", "–"),
        (None, "–", "–"),
    ],
)
def test_numbers(value: float | None, danish: str, english: str) -> None:
    assert wording.number(value, "da") == danish
    assert wording.number(value, "en") == english


def test_decimals_and_units() -> None:
    assert wording.number(1234.5, "da", 1) == "1.234,5"
    assert wording.measured(52.25, "percent", "da") == "52,2"
    assert wording.unit("DKK", "da") == "kr."
    assert wording.unit("mmol/l", "da") == "mmol/l"


def test_days() -> None:
    assert wording.day(date(2018, 6, 1), "da") == "1. juni 2018"
    assert wording.day(date(2018, 6, 1), "en") == "1 June 2018"
