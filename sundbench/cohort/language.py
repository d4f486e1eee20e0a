"""The two languages of protocols: English and Danish, with each its numbers, days and lists.

Every part of a protocol has ``in_words(language)``, written with ``said``. Messages of errors stay English.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, get_args

from sundbench.errors import StudyError

Language = Literal["en", "da"]

_MONTHS = (
    "januar", "februar", "marts", "april", "maj", "juni",
    "juli", "august", "september", "oktober", "november", "december",
)  # fmt: skip

DANISH_VALUES: Mapping[str, str] = {
    "female": "kvinde",
    "male": "mand",
    "North Denmark": "Region Nordjylland",
    "Central Denmark": "Region Midtjylland",
    "Southern Denmark": "Region Syddanmark",
    "Capital": "Region Hovedstaden",
    "Zealand": "Region Sjælland",
}
"""How Danish says the texts that features have as values."""


def said(language: Language, en: str, da: str) -> str:
    """One thing in the language that is asked for.

    Raises:
        StudyError: another language than the two.
    """
    if language not in get_args(Language):
        raise StudyError(f"language={language!r}: choose 'en' or 'da'")
    return en if language == "en" else da


def day(language: Language, one: date) -> str:
    """A calendar day: 2012-01-31, or 31. januar 2012."""
    return said(language, one.isoformat(), f"{one.day}. {_MONTHS[one.month - 1]} {one.year}")


def number(language: Language, one: float) -> str:
    """A number, with decimal point (en) or comma (da), thousands from 10,000 on set apart likewise."""
    whole = isinstance(one, int) or float(one).is_integer()
    text = f"{int(one):d}" if whole and abs(one) < 10_000 else f"{int(one):,d}" if whole else f"{one:,.10g}"
    return said(language, text, text.translate(str.maketrans(",.", ".,")))


def count(language: Language, many: int) -> str:
    """A number of persons, thousands always set apart: 7,010 or 7.010."""
    text = f"{many:,d}"
    return said(language, text, text.replace(",", "."))


def days(language: Language, many: int) -> str:
    """A number of days: 1 day, 30 days; 1 dag, 30 dage."""
    one = many in (1, -1)
    return f"{number(language, many)} {said(language, 'day' if one else 'days', 'dag' if one else 'dage')}"


def listed(language: Language, things: Iterable[str], last: Literal["and", "or", ""] = "") -> str:
    """Things in a row: by commas, the last by a word if one is given."""
    row = list(things)
    if not last or len(row) < 2:
        return ", ".join(row)
    word = said(language, last, {"and": "og", "or": "eller"}[last])
    return f"{', '.join(row[:-1])} {word} {row[-1]}"


def value(language: Language, one: object) -> str:
    """A constant of a protocol: a number, a day, a text, yes or no."""
    if isinstance(one, bool):
        return said(language, "yes" if one else "no", "ja" if one else "nej")
    if isinstance(one, int | float):
        return number(language, one)
    if isinstance(one, date):
        return day(language, one)
    text = str(one)
    return said(language, text, DANISH_VALUES.get(text, text))
