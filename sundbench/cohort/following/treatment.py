"""Follow-up while on the index drug."""

from __future__ import annotations

from dataclasses import dataclass

from sundbench.cohort.following.regimen import Regimen, check
from sundbench.cohort.language import Language, days, said
from sundbench.errors import StudyError


@dataclass(frozen=True)
class OnTreatment:
    """Follow-up that ends with the first continuous episode of the index drug.

    Attributes:
        rules: how dispensings from the index day on join into episodes.
        switching: whether a dispensing of another compared drug ends it.
        lag_days: for how long after the last day of the episode events still count.
        outside_hospital: whether supply outlasts days in hospital.
    """

    rules: Regimen
    switching: bool = True
    lag_days: int = 0
    outside_hospital: bool = False

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        lag = days(language, self.lag_days)
        after = said(language, f"{lag} after ", f"{lag} efter ") if self.lag_days else ""
        words = said(
            language,
            f"{after}the last day of the first episode of the index drug",
            f"{after}sidste dag i den første behandlingsperiode med indekslægemidlet",
        )
        rules = self.rules.in_words(language)
        if self.outside_hospital:
            rules += said(
                language, "; supply outlasts days in hospital", "; indlæggelsesdage forbruger intet"
            )
        switch = said(language, "; switching to another of the drugs", "; skift til et andet af lægemidlerne")
        return f"{words} ({rules}){switch if self.switching else ''}"


def on_treatment(
    rules: Regimen, *, switching: bool = True, lag_days: int = 0, outside_hospital: bool = False
) -> OnTreatment:
    """Follow persons while they take the drug that they entered with.

    Follow-up ends on the last day of the first continuous episode, made of the index drug's dispensings from
    the index day on, plus ``lag_days`` (``end_reason`` ``discontinued``); or on the day of the first later
    dispensing of another compared drug (``switched``), without lag.

    A gap that the rules bridge counts for those alone who come back, so that events in it are missed in those
    who don't: a lag at least as long as the grace period counts it for everybody, and a note says so.

    Args:
        rules: ``sb.Rules(supply, grace_days=...)``, ``sb.DanishDoses(...)`` or ``sb.purchase_rhythm(...)``.
        switching: whether another compared drug ends it.
        lag_days: how long an effect is thought to last: events up to so many days after the last day count.
        outside_hospital: whether supply outlasts days in hospital (view ``stays``).

    Raises:
        StudyError: no rules, rules that need what a study hasn't, or a lag that isn't a whole number.
    """
    where = "on_treatment()"
    check(rules, where)
    if isinstance(lag_days, bool) or not isinstance(lag_days, int) or lag_days < 0:
        raise StudyError(f"{where}: lag_days={lag_days!r}: give a whole number, 0 or more")
    return OnTreatment(rules, bool(switching), lag_days, bool(outside_hospital))
