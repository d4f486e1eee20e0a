"""Numbers and dates as they are written in Danish and in English."""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

Language = Literal["da", "en"]

LANGUAGES: tuple[Language, ...] = ("da", "en")

_MARKS = {"da": (".", ","), "en": (",", ".")}
"""Between thousands, and before decimals."""

# fmt: off
_MONTHS = {
    "da": ("januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober",
           "november", "december"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}
# fmt: on

_UNITS = {
    "DKK": {"da": "kr.", "en": "DKK"},
    "years": {"da": "år", "en": "years"},
    "life_years": {"da": "leveår", "en": "life-years"},
    "days": {"da": "dage", "en": "days"},
    "percent": {"da": "%", "en": "%"},
    "persons": {"da": "personer", "en": "persons"},
    "DKK/year": {"da": "kr. pr. år", "en": "DKK per year"},
    "DKK/life_year": {"da": "kr. pr. leveår", "en": "DKK per life-year"},
}

_DECIMALS = {
    "DKK": 0,
    "DKK/year": 0,
    "DKK/life_year": 0,
    "years": 2,
    "life_years": 2,
    "days": 0,
    "percent": 1,
    "persons": 0,
}


def number(value: float | None, language: Language, decimals: int | None = None) -> str:
    """A number: ``1.234,5`` in Danish, ``1,234.5`` in English; a dash where there is none.

    Args:
        value: the number.
        language: da or en.
        decimals: how many; by default none for whole numbers and from 1,000 on, else as many as tell
            something.
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if decimals is None:
        decimals = _fitting(value)
    text = f"{abs(value):,.{decimals}f}"
    thousands, point = _MARKS[language]
    text = text.replace(",", "\0").replace(".", point).replace("\0", thousands)
    # A value that rounds to nothing has no sign.
    negative = value < 0 and float(f"{abs(value):.{decimals}f}") != 0
    return f"−{text}" if negative else text


def measured(value: float | None, measure: str | None, language: Language) -> str:
    """A number with as many decimals as its unit deserves, without the unit."""
    return number(value, language, _DECIMALS.get(measure or ""))


def unit(measure: str | None, language: Language) -> str:
    """How a unit is written; what is not known is written as it is."""
    if measure is None:
        return ""
    return _UNITS[measure][language] if measure in _UNITS else measure


def day(value: date, language: Language) -> str:
    """A date: ``1. juni 2018`` in Danish, ``1 June 2018`` in English."""
    stop = "." if language == "da" else ""
    return f"{value.day}{stop} {_MONTHS[language][value.month - 1]} {value.year}"


def _fitting(value: float) -> int:
    if value == int(value) or abs(value) >= 1000:
        return 0
    if abs(value) >= 10:
        return 1
    return 2 if abs(value) >= 0.01 else 4
