"""The names of the codes that a protocol uses, as far as we have them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files

from sundbench.cohort.events.event import Event
from sundbench.cohort.language import Language, said
from sundbench.cohort.views.tables import rows


def named(protocol: object, language: Language) -> tuple[tuple[str, str], ...]:
    """The codes of a protocol's events that have names, each once, by code.

    Args:
        protocol: a study or any part of one.
        language: of the names.
    """
    known = _names()
    used = sorted({code for event in _events(protocol) for code in _codes(event) if code in known})
    return tuple((code, said(language, *known[code])) for code in used)


def _events(value: object) -> Iterator[Event]:
    if isinstance(value, Event):
        yield value
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _events(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _events(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _events(one)


def _codes(event: Event) -> tuple[str, ...]:
    return (*getattr(event, "codes", ()), *getattr(event, "exclude", ()))


@cache
def _names() -> Mapping[str, tuple[str, str]]:
    text = files("sundbench.cohort.protocol").joinpath("code_names.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    names = {row["code"]: (row["en"], row["da"]) for row in csv.DictReader(lines, delimiter=";")}
    medicines = {row["sks"]: (row["drug"], row["drug"]) for row in rows("sks_medicines")}
    return medicines | names
