"""What the makers of populations check alike."""

from __future__ import annotations

from collections.abc import Mapping

from sundbench.cohort.events.event import Event
from sundbench.errors import StudyError

SEEDS = 2**63


def whole(where: str, name: str, value: object, least: int) -> int:
    """A whole number that is large enough.

    Raises:
        StudyError: it is neither.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StudyError(f"{where}: {name}={value!r}: give a whole number, {least} or more")
    return value


def seeded(where: str, seed: object) -> int:
    """A seed of draws.

    Raises:
        StudyError: it isn't a whole number of 63 bits.
    """
    if whole(where, "seed", seed, 0) >= SEEDS:
        raise StudyError(f"{where}: seed={seed!r}: give a number below 2**63")
    return int(seed)  # type: ignore[call-overload, no-any-return]


def happens(where: str, event: object) -> Event:
    """An event.

    Raises:
        StudyError: it is none.
    """
    if not isinstance(event, Event):
        raise StudyError(f"{where}: {event!r} is no event: write sb.diagnosis(...) or the like")
    return event


def one_named(where: str, name: str, drugs: object) -> tuple[str, Event]:
    """The one drug of a mapping, with its name.

    Raises:
        StudyError: it isn't one name with an event.
    """
    if not isinstance(drugs, Mapping) or len(drugs) != 1:
        raise StudyError(f"{where}: {name}: give one, as {{'name': sb.dispensing('...')}}")
    ((called, event),) = drugs.items()
    if not isinstance(called, str) or not called.strip():
        raise StudyError(f"{where}: {name}: {called!r} is no name for a drug")
    return called, happens(f"{where}: {name} {called!r}", event)
