"""Medicines as events: dispensed by pharmacies, given in hospital."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, listed, number, said
from sundbench.errors import StudyError

PRODUCT_DIGITS = 6
"""Nordic product numbers have six digits; deliveries that hold them as numbers lose leading zeros."""


@dataclass(frozen=True)
class Dispensing(Event):
    """A medicine dispensed at a community pharmacy.

    Attributes:
        codes, exclude: ATC codes, all where there are none, and which of them not.
        product: product numbers (``vnr``), six digits; all where there are none.
        strength: the least and the largest strength, and their unit.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    strength: tuple[float, float, str] | None = None
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "dispensings"
    values: ClassVar[tuple[str, ...]] = ("packages", "ddd", "price")
    value: ClassVar[str | None] = "packages"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        parts = []
        if self.product:
            number_of = said(language, "product number", "varenummer")
            parts.append(f"{number_of} {listed(language, self.product, 'or')}")
        if self.strength is not None:
            low, high, unit = self.strength
            least, most = number(language, low), number(language, high)
            spread = least if low == high else said(language, f"{least} to {most}", f"{least} til {most}")
            parts.append(f"{said(language, 'strength', 'styrke')} {spread} {unit}")
        what = f"{said(language, 'a dispensing of', 'en indløst recept på')} {coded}"
        return f"{what} ({'; '.join(parts)})" if parts else what


@dataclass(frozen=True)
class HospitalMedicine(Event):
    """A medicine administered at a hospital."""

    codes: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "hospital_medicines"
    values: ClassVar[tuple[str, ...]] = ("dose", "price")
    value: ClassVar[str | None] = "dose"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        return f"{said(language, 'a hospital administration of', 'et sygehusgivet lægemiddel')} {coded}"


def dispensing(
    atc: Codes | None = None,
    *,
    exclude: Codes = (),
    product: str | Iterable[str] | None = None,
    strength: tuple[float, str] | tuple[float, float, str] | None = None,
) -> Dispensing:
    """A medicine dispensed at a community pharmacy (LMDB), corrections netted; any if nothing is said.

    Args:
        atc: ATC codes or their beginnings, ranges, or a list.
        exclude: codes among them that don't count.
        product: product numbers (``vnr``), with or without leading zeros.
        strength: ``(5, "mg")``, or ``(5, 10, "mg")`` from one strength to another, both in it. The unit is
            the register's; capitals don't matter.

    Raises:
        StudyError: a code that ATC can't hold, or what can be no product or strength.
    """
    codes, exclude = gathered(atc), gathered(exclude)
    where = f"dispensing({'' if atc is None else told(codes)})"
    spelled = () if atc is None else code_systems.checked(codes, code_systems.ATC, where)
    return Dispensing(
        spelled,
        code_systems.excluded(exclude, spelled, code_systems.ATC, where),
        _products(product, where),
        _strength(strength, where),
        code_systems.names(codes),
    )


def hospital_medicine(atc: Codes, *, exclude: Codes = ()) -> HospitalMedicine:
    """A medicine administered at a hospital, by ATC code or its beginning; old codes count too.

    Args:
        atc: ATC codes or their beginnings, ranges, or a list.
        exclude: codes among them that don't count.

    Raises:
        StudyError: a code that ATC can't hold.
    """
    codes, exclude = gathered(atc), gathered(exclude)
    where = f"hospital_medicine({told(codes)})"
    spelled = code_systems.checked(codes, code_systems.ATC, where)
    out = code_systems.excluded(exclude, spelled, code_systems.ATC, where)
    return HospitalMedicine(spelled, out, code_systems.names(codes))


def _products(product: str | Iterable[str] | None, where: str) -> tuple[str, ...]:
    asked = () if product is None else (product,) if isinstance(product, str) else tuple(product)
    if product is not None and not asked:
        raise StudyError(f"{where}: no product: give at least one number, such as '012345'")
    for one in asked:
        if not isinstance(one, str) or not one.strip().isdigit() or len(one.strip()) > PRODUCT_DIGITS:
            raise StudyError(
                f"{where}: product {one!r} is no product number: up to six digits in quotes, such as '012345'"
            )
    return tuple(dict.fromkeys(one.strip().zfill(PRODUCT_DIGITS) for one in asked))


def _strength(strength: object, where: str) -> tuple[float, float, str] | None:
    if strength is None:
        return None
    numbers = strength[:-1] if isinstance(strength, tuple | list) else ()
    whole = (
        isinstance(strength, tuple | list)
        and len(numbers) in (1, 2)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
        and isinstance(strength[-1], str)
        and bool(strength[-1].strip())
    )
    if not whole:
        raise StudyError(f"{where}: strength={strength!r}: write (5, 'mg'), or (5, 10, 'mg') for 5 to 10 mg")
    low, high = float(numbers[0]), float(numbers[-1])
    if high < low:
        raise StudyError(f"{where}: strength={strength!r}: it ends before it begins")
    return low, high, strength[-1].strip()  # type: ignore[index]
