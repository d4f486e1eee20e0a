"""What an event is, read slowly: whether one thing that happened to a person is of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sundbench.cohort.events.diagnoses import Diagnosis
from sundbench.cohort.events.event import Event
from sundbench.cohort.events.hospital_care import Contact, Stay
from sundbench.cohort.events.laboratory import Laboratory
from sundbench.cohort.events.medicines import Dispensing
from sundbench.cohort.events.tumours import Tumour
from sundbench.cohort.events.vital import Death

NAMES = {"06": "kardiologi", "20": "neurologi"}
"""The specialties that the tests draw, by LPR2's code."""


@dataclass(frozen=True)
class Happening:
    """Something that happened to a person, as the harmonised views tell it.

    Attributes:
        view: the view that tells it.
        date: its day.
        code, type: as the view spells them.
        values: what can be added.
        traits: all else that the view tells of it and an event may ask for.
    """

    view: str
    date: date
    code: str = ""
    type: str = ""
    values: tuple[tuple[str, float | None], ...] = ()
    traits: tuple[tuple[str, Any], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return dict(self.traits).get(name)


def is_of(event: Event, happening: Happening, life: Sequence[Happening] = ()) -> bool:
    """Whether something that happened, in a life, is of an event."""
    return any(part.view == happening.view and _is_of(part, happening, life) for part in event.parts)


def coded(code: str | None, listed: Iterable[str], whole: bool = False) -> bool:
    """Whether a code is one of those listed, or below one, or in one of their ranges."""
    if code is None:
        return False
    for one in listed:
        low, _, high = one.partition("-")
        if whole and code == one:
            return True
        if not whole and not high and code[: len(low)] == low:
            return True
        if high and code[: len(low)] >= low and code[: len(high)] <= high:
            return True
    return False


def _is_of(part: Any, happening: Happening, life: Sequence[Happening]) -> bool:
    if isinstance(part, Death):
        return _of_cause(part, happening)
    listed = getattr(part, "codes", ())
    if listed and not coded(happening.code, listed, whole=part.view == "laboratory"):
        return False
    out = getattr(part, "exclude", ())
    if out and (not happening.code or coded(happening.code, out)):
        return False
    if isinstance(part, Diagnosis):
        return happening.type in part.types and _of_contact(part, part.contact, happening)
    if isinstance(part, Contact):
        return _of_contact(part, part.kind, happening)
    if isinstance(part, Stay):
        return part.acute is None or happening["acute"] is part.acute
    if isinstance(part, Dispensing):
        return _of_product(part, happening)
    if isinstance(part, Laboratory):
        return _surely(part, happening)
    if isinstance(part, Tumour):
        return _of_tumour(part, happening, life)
    return True


def _of_cause(part: Death, happening: Happening) -> bool:
    if not part.causes and not part.exclude:
        return True
    causes = [happening["cause"]]
    if part.contributing:
        causes += happening["contributing"] or ()
    return any(
        cause is not None
        and (not part.causes or coded(cause, part.causes))
        and not coded(cause, part.exclude)
        for cause in causes
    )


def _of_contact(part: Any, kinds: tuple[str, ...], happening: Happening) -> bool:
    if kinds and happening["class"] not in kinds:
        return False
    if part.acute is not None and happening["acute"] is not part.acute:
        return False
    specialty = happening["specialty"]
    return not part.specialty or (
        specialty is not None and bool({specialty, NAMES[specialty]} & set(part.specialty))
    )


def _of_product(part: Dispensing, happening: Happening) -> bool:
    vnr = happening["vnr"]
    if part.product and (vnr is None or vnr.rjust(6, "0") not in part.product):
        return False
    if part.strength is None:
        return True
    low, high, unit = part.strength
    number, of = happening["strength"], happening["strength_unit"]
    return number is not None and of is not None and low <= number <= high and of.lower() == unit.lower()


def _surely(part: Laboratory, happening: Happening) -> bool:
    """Whether all values that a result may stand for are within the limits."""
    if part.units and happening["unit"] not in part.units:
        return False
    limits = (part.above, part.at_least, part.below, part.at_most)
    if limits == (None,) * 4:
        return True
    value, sign = dict(happening.values)["value"], happening["operator"] or ""
    if value is None:
        return False
    tiny = 1e-6
    may_be = {
        "": [value],
        "<": [value - tiny, -1e9],
        "<=": [value, value - tiny, -1e9],
        ">": [value + tiny, 1e9],
        ">=": [value, value + tiny, 1e9],
    }[sign]
    return all(
        (part.above is None or one > part.above)
        and (part.at_least is None or one >= part.at_least)
        and (part.below is None or one < part.below)
        and (part.at_most is None or one <= part.at_most)
        for one in may_be
    )


def _of_tumour(part: Tumour, happening: Happening, life: Sequence[Happening]) -> bool:
    if part.morphology and not coded(happening["morphology"], part.morphology):
        return False
    if not part.first:
        return True
    others = [h for h in life if h.view == "tumours" and not coded(h.code, part.exclude)]
    return happening.date == min(h.date for h in others)
