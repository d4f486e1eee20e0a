"""The rules by which dispensings join into episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sundbench.cohort.exposure.supply import Supply
from sundbench.cohort.language import Language, days, number, said
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

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        lasts = self.supply.in_words(language)
        said_in_turn = [
            said(language, f"dispensings last {lasts}", f"en indløst recept rækker {lasts}"),
            self._grace_in_words(language),
            self._stock_in_words(language),
        ]
        if self.switching == "discard":
            said_in_turn.append(
                said(
                    language,
                    "a switch discards what is left of the old product",
                    "ved skift kasseres resten af det gamle præparat",
                )
            )
        if self.switch_ends_episode:
            said_in_turn.append(
                said(language, "a switch begins a new episode", "et skift begynder en ny behandlingsperiode")
            )
        if self.max_gap_days is not None:
            longest = days(language, self.max_gap_days)
            said_in_turn.append(
                said(
                    language, f"never more than {longest} between them", f"aldrig mere end {longest} imellem"
                )
            )
        return "; ".join(said_in_turn)

    def _grace_in_words(self, language: Language) -> str:
        if self.grace_share is None:
            most = days(language, self.grace_days)
            return said(language, f"gaps of at most {most} are bridged", f"huller på højst {most} overses")
        share = number(language, round(self.grace_share * 100, 2))
        return said(
            language,
            f"gaps of at most {share}% of the last dispensing's days are bridged",
            f"huller på højst {share} % af den seneste recepts dage overses",
        )

    def _stock_in_words(self, language: Language) -> str:
        if self.stockpile is None:
            return said(language, "earlier supply is used first", "tidligere beholdning bruges først")
        if self.stockpile == 0:
            return said(language, "days that overlap count once", "dage, der overlapper, tæller én gang")
        most = days(language, self.stockpile)
        return said(
            language,
            f"at most {most} of earlier supply are used first",
            f"højst {most} af tidligere beholdning bruges først",
        )
