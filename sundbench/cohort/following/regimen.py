"""Rules by which treatment is told from dispensings, and what they must be able to read."""

from __future__ import annotations

from collections.abc import Mapping

from sundbench.cohort.events.event import Event
from sundbench.cohort.exposure.danish_doses import DanishDoses
from sundbench.cohort.exposure.rules import Rules
from sundbench.cohort.following.rhythm import PurchaseRhythm
from sundbench.errors import StudyError

Regimen = Rules | DanishDoses | PurchaseRhythm
"""How dispensings join into time under treatment."""

DISPENSED: Mapping[str, tuple[str, ...]] = {
    "packages": ("apk",),
    "package_size": ("packsize",),
    "ddd": ("apk", "volume"),
    "strength": ("strnum",),
    "strength_unit": ("strunit",),
    "vnr": ("vnr",),
}
"""Columns of the view ``dispensings`` that rules may read, with LMDB's that they are made of."""

CODED = ("dispensings", "hospital_medicines")
"""Views whose code is an ATC code."""


def columns(regimen: Regimen) -> tuple[str, ...]:
    """The columns of dispensings, besides person and date, that rules read."""
    if isinstance(regimen, Rules):
        return regimen.supply.columns
    if isinstance(regimen, DanishDoses):
        return "packages", "package_size", "strength"
    return "atc", "vnr", "packages", "ddd"


def check(regimen: object, where: str) -> None:
    """Refuse what are no rules, or rules that a study can't keep.

    Raises:
        StudyError: names the place.
    """
    if not isinstance(regimen, Regimen):
        raise StudyError(
            f"{where}: {regimen!r} are no rules: write sb.Rules(sb.fixed_days(30), grace_days=30) or the like"
        )
    if isinstance(regimen, Rules) and (regimen.switching != "carry" or regimen.switch_ends_episode):
        raise StudyError(
            f"{where}: the rules speak of switching between products of a class, which no study tells apart: "
            "leave that out; switching to another compared drug is sb.on_treatment(..., switching=True)"
        )


def check_event(regimen: Regimen, event: Event, where: str) -> None:
    """Refuse an event whose view lacks what the rules read.

    Raises:
        StudyError: names the place.
    """
    for part in event.parts:
        there = {
            *(DISPENSED if part.view == "dispensings" else ()),
            *(("atc",) if part.view in CODED else ()),
        }
        lacking = [name for name in columns(regimen) if name not in there]
        if lacking:
            raise StudyError(
                f"{where}: {part.in_words()} has no {', '.join(lacking)}, which the rules read "
                f"({regimen.in_words()}): use sb.fixed_days(...)"
            )


def bridges(regimen: Regimen, days: int) -> bool:
    """Whether the rules bridge gaps longer than so many days."""
    if isinstance(regimen, Rules):
        # A share of a dispensing's days can be any number of days.
        return regimen.grace_days > days or bool(regimen.grace_share)
    return isinstance(regimen, PurchaseRhythm)
