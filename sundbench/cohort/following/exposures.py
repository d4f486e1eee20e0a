"""Exposure that changes during follow-up."""

from __future__ import annotations

from dataclasses import dataclass

from sundbench.cohort.events.event import Event
from sundbench.cohort.following.regimen import Regimen, check, check_event
from sundbench.cohort.language import Language, days, said
from sundbench.errors import StudyError

NEVER, CURRENT, RECENT, PAST = range(4)
TAKEN = (
    "row",
    "person",
    "drug",
    "start_day",
    "stop_day",
    "event",
    "cause",
    "age_band",
    "calendar_band",
    "since_entry_band",
)
"""Columns of pieces of follow-up; no exposure may take their names."""

STATES = ("never", "current", "recent", "past")
"""What a person can be at a time; the column ``state`` holds them in this order."""


@dataclass(frozen=True)
class Exposure:
    """Exposure to a medicine, day by day.

    Attributes:
        event: what counts as getting it.
        rules: how dispensings join into episodes.
        lag_days: for how long after an episode's last day a person still counts as a current user.
        recent_days: for how long after that they count as a recent one, before they are a past one.
        outside_hospital: whether supply outlasts days in hospital.
    """

    event: Event
    rules: Regimen
    lag_days: int = 0
    recent_days: int = 0
    outside_hospital: bool = False

    @property
    def parts(self) -> tuple[Event, ...]:
        """The simple events that it is made of."""
        return self.event.parts

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        rules = self.rules.in_words(language)
        if self.outside_hospital:
            rules += said(
                language, "; supply outlasts days in hospital", "; indlæggelsesdage forbruger intet"
            )
        lag, recent = days(language, self.lag_days), days(language, self.recent_days)
        words = [f"{self.event.in_words(language)} ({rules})"]
        words.append(
            said(
                language,
                "current from the day after an episode's first dispensing to its last day",
                "aktuel fra dagen efter behandlingsperiodens første recept til dens sidste dag",
            )
        )
        if self.lag_days:
            words[-1] += said(language, f" and {lag} more", f" og {lag} til")
        if self.recent_days:
            words.append(said(language, f"recent for {recent} after that", f"nylig i {recent} derefter"))
        words.append(said(language, "past from then on", "tidligere fra da af"))
        words.append(said(language, "never until the first", "aldrig indtil den første"))
        return "; ".join(words)


def exposure(
    event: Event,
    rules: Regimen,
    *,
    lag_days: int = 0,
    recent_days: int = 0,
    outside_hospital: bool = False,
) -> Exposure:
    """Exposure to a medicine during follow-up: never, current, recent, past.

    The day of a dispensing belongs to what was before it, as the index day does: a person is ``current`` from
    the day after the first dispensing of an episode to the episode's last day, plus ``lag_days``. Nobody is
    exposed before a first dispensing (immortal time). Dispensings before the index day count, as far back as
    the register goes.

    Args:
        event: what counts as getting it; dispensings for all rules but ``sb.fixed_days``.
        rules: as for ``sb.on_treatment``.
        lag_days: days after an episode that still are current. At least the grace period, or bridged gaps are
            current use only for who comes back.
        recent_days: days after that which are recent use; past use follows.
        outside_hospital: whether supply outlasts days in hospital (view ``stays``).

    Raises:
        StudyError: no event, no rules, rules that read what the event hasn't, or days below zero.
    """
    where = "exposure()"
    if not isinstance(event, Event):
        raise StudyError(f"{where}: {event!r} is no event: write sb.dispensing(...) or the like")
    check(rules, where)
    check_event(rules, event, where)
    for name, number in (("lag_days", lag_days), ("recent_days", recent_days)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise StudyError(f"{where}: {name}={number!r}: give a whole number, 0 or more")
    return Exposure(event, rules, lag_days, recent_days, bool(outside_hospital))
