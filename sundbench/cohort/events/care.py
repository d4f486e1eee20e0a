"""Of what kind a hospital contact must be: class, mode of admission, specialty of the department."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.views.tables import rows
from sundbench.errors import StudyError

KINDS = ("inpatient", "outpatient", "emergency")
"""The classes of the view of contacts."""

_DANISH = {"inpatient": "indlæggelse", "outpatient": "ambulant", "emergency": "skadestue"}

ALIKE = 0.75
"""From which likeness on an unknown specialty is taken for a misspelled one."""


def kinds(kind: str | Iterable[str] | None, where: str) -> tuple[str, ...]:
    """The classes of contact that are meant, in the order of ``KINDS``; none for all.

    Raises:
        StudyError: a class that doesn't exist.
    """
    asked = () if kind is None else (kind,) if isinstance(kind, str) else tuple(kind)
    wrong = [one for one in asked if one not in KINDS]
    if wrong or (kind is not None and not asked):
        raise StudyError(f"{where}: contact {kind!r}: choose among {', '.join(KINDS)}")
    return tuple(one for one in KINDS if one in asked)


def acuteness(acute: bool | None, where: str) -> bool | None:
    """Whether the contact must be acute (True) or planned (False).

    Raises:
        StudyError: neither True, False nor None.
    """
    if acute is not None and not isinstance(acute, bool):
        raise StudyError(f"{where}: acute={acute!r}: write True for acute, False for planned")
    return acute


def specialties(specialty: str | Iterable[str] | None, where: str) -> tuple[str, ...]:
    """The specialties that are meant: LPR2's two digits, or Danish names in lower case; none for all.

    A name that the view's list of specialties lacks is taken as LPR3 may deliver it, unless it looks like a
    misspelled one.

    Raises:
        StudyError: none, or what can be no specialty.
    """
    asked = () if specialty is None else (specialty,) if isinstance(specialty, str) else tuple(specialty)
    if specialty is not None and not asked:
        raise StudyError(f"{where}: specialty: give at least one, such as 'kardiologi'")
    known = list(_names().values())
    found = []
    for one in asked:
        if not isinstance(one, str) or not one.strip():
            raise StudyError(f"{where}: specialty {one!r} is no text: write '06' or 'kardiologi'")
        name = one.strip().lower()
        if name.isdigit() and len(name) != 2:
            raise StudyError(f"{where}: specialty {one!r}: LPR2's codes have two digits, such as '06'")
        close = get_close_matches(name, known, n=1, cutoff=ALIKE)
        if not name.isdigit() and name not in known and close:
            raise StudyError(f"{where}: specialty {one!r} is unknown: did you mean {close[0]!r}?")
        found.append(name)
    return tuple(dict.fromkeys(found))


def spelled(specialty: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Specialties in both of the view's spellings: LPR2's codes, and names."""
    asked = tuple(specialty)
    codes = tuple(one for one in asked if one.isdigit())
    names = (one if not one.isdigit() else _names().get(one) for one in asked)
    return codes, tuple(dict.fromkeys(name for name in names if name is not None))


def words(
    language: Language, kind: Iterable[str], acute: bool | None, specialty: Iterable[str]
) -> tuple[str, ...]:
    """What is asked of the contact, as a protocol says it."""
    said_kinds = [said(language, one, _DANISH[one]) for one in kind]
    parts = [listed(language, said_kinds, "or")] if said_kinds else []
    if acute is not None:
        parts.append(said(language, "acute", "akut") if acute else said(language, "planned", "planlagt"))
    names = tuple(specialty)
    if names:
        parts.append(f"{said(language, 'specialty', 'speciale')} {listed(language, names, 'or')}")
    return tuple(parts)


def _names() -> dict[str, str]:
    return {row["code"]: row["name"] for row in rows("specialties")}
