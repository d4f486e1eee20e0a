"""The rules by which dispensings join into episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sundbench.cohort.exposure.supply import Supply
from sundbench.errors import StudyError

SWITCHING = ("carry", "discard")


@dataclass(frozen=True)
class Rules:
    """When an episode goes on, and when another begins.

    Attributes:
        supply: how many days a dispensing lasts.
        grace_days: how many days without supply are bridged; a gap of exactly so many is.
        grace_share: instead of ``grace_days``, the same as a share of the days that the last dispensing
            before the gap lasts.
        stockpile: days of earlier supply that a new dispensing adds to, at most: ``None`` carries all over,
            0 nothing (days that overlap count once). What is dispensed on one day is always added up.
        switching: what becomes of what is left of the old product when another one of the class is dispensed:
            ``carry`` (it is used first) or ``discard`` (it is thrown away).
        switch_ends_episode: whether another product begins a new episode. What is carried over is then part
            of the new one.
        max_gap_days: the most days from one dispensing to the next, whatever the supply; beyond that the
            episode has ended and what was left is forgotten.

    Raises:
        StudyError: numbers below zero, both kinds of grace, or a word that isn't one of the two.
    """

    supply: Supply
    grace_days: int = 0
    grace_share: float | None = None
    stockpile: int | None = None
    switching: Literal["carry", "discard"] = "carry"
    switch_ends_episode: bool = False
    max_gap_days: int | None = None

    def __post_init__(self) -> None:
        for name in ("grace_days", "grace_share", "stockpile", "max_gap_days"):
            number = getattr(self, name)
            if number is not None and number < 0:
                raise StudyError(f"Rules({name}={number!r}): days can't be below zero")
        if self.grace_days and self.grace_share is not None:
            raise StudyError("Rules(): grace_days and grace_share say the same thing twice: give one of them")
        if self.switching not in SWITCHING:
            raise StudyError(f"Rules(switching={self.switching!r}): choose among {', '.join(SWITCHING)}")

    def in_words(self) -> str:
        """As a protocol says it."""
        stock = {None: "earlier supply is used first", 0: "days that overlap count once"}.get(
            self.stockpile, f"at most {self.stockpile} days of earlier supply are used first"
        )
        switched = "" if self.switching == "carry" else "; a switch discards what is left of the old product"
        switched += "; a switch begins a new episode" if self.switch_ends_episode else ""
        grace = (
            f"gaps of at most {self.grace_days} days"
            if self.grace_share is None
            else f"gaps of at most {self.grace_share:.0%} of the last dispensing's days"
        )
        longest = (
            "" if self.max_gap_days is None else f"; never more than {self.max_gap_days} days between them"
        )
        return f"dispensings last {self.supply.in_words()}; {grace} are bridged; {stock}{switched}{longest}"
