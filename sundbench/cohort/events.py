"""Events: things that happen to a person on a day.

An event selects rows of one harmonised view (``sundbench.cohort.views``). It is a value: frozen, checked when
built, the same wherever it is written the same. What it means over data is said once, in ``rows``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from sundbench.cohort import care, spans, windows
from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import CodeList, Codes, gathered
from sundbench.cohort.language import Language, listed, number, said
from sundbench.cohort.spans import Closed
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.features import Feature, Occurrences


@dataclass(frozen=True)
class Event(ABC):
    """What all events can do.

    Attributes:
        view: the harmonised view whose rows it selects.
        values: the columns of the view that can be summed, averaged or taken.
        value: the one of them that is meant where none is named.
        uncountable: why its rows aren't what one would count; "" where they are.
    """

    view: ClassVar[str] = ""
    values: ClassVar[tuple[str, ...]] = ()
    value: ClassVar[str | None] = None
    uncountable: ClassVar[str] = ""

    def before(
        self,
        days: int | None = None,
        *,
        years: float | None = None,
        index_day: bool = False,
        of: Feature | None = None,
    ) -> Occurrences:
        """The event in [index - days, index - 1]; all that came before the index day if nothing is said.

        Args:
            days: how far to look back.
            years: the same in years of 365.25 days, inclusive.
            index_day: whether the index day (the day of ``of``) belongs to the window too.
            of: a date to count from instead of the index day, such as
                ``sb.diagnosis("DI48").before().first()``. Where it is missing, nothing happens.

        Raises:
            StudyError: a length that isn't positive, both lengths, or ``of`` that is no date.
        """
        return self._in(spans.anchored(windows.before(days, years, index_day), of, "before()"))

    def after(self, days: int | None = None, *, of: Feature | None = None) -> Occurrences:
        """The event in [index + 1, index + days]; all that came after the index day if nothing is said.

        Args:
            days: how far to look ahead.
            of: a date to count from instead of the index day; where it is missing, nothing happens.

        Raises:
            StudyError: a length that isn't positive, or ``of`` that is no date.
        """
        return self._in(spans.anchored(windows.after(days), of, "after()"))

    def between(
        self,
        first: int | date | Feature | None,
        last: int | date | Feature | None,
        *,
        closed: Closed = "both",
        of: Feature | None = None,
    ) -> Occurrences:
        """The event from one end to another.

        Args:
            first: a number of days relative to the index day, a calendar day, a feature of kind date, or None
                for no beginning.
            last: the same for the other end.
            closed: which ends belong to the window: ``"both"``, ``"left"``, ``"right"`` or ``"none"``.
            of: a date that both ends are counted from, in days, instead of the index day.

        Where a date that an end hangs on is missing, or the window ends before it begins, nothing happens.

        Raises:
            StudyError: ends that no day lies between, or that are no days or dates.
        """
        return self._in(spans.between(first, last, closed, of))

    def _in(self, window: spans.AnyWindow) -> Occurrences:
        from sundbench.cohort.features import Occurrences

        return Occurrences(self, window)

    def __or__(self, other: object) -> Event:
        if not isinstance(other, Event):
            raise StudyError(f"| between an event and {other!r}: both sides must be events")
        return EitherOf((*self.parts, *other.parts))

    @property
    def parts(self) -> tuple[Event, ...]:
        """The events that it is made of: itself, or those of a union."""
        return (self,)

    @abstractmethod
    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""


@dataclass(frozen=True)
class EitherOf(Event):
    """Any of several events: what ``|`` between events gives."""

    events: tuple[Event, ...]

    @property
    def parts(self) -> tuple[Event, ...]:
        """The events of the union."""
        return self.events

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        either = said(language, " or ", " eller ")
        return either.join(event.in_words(language) for event in self.events)


def either_of(events: Iterable[Event]) -> Event:
    """One event that happens when any of several does."""
    parts = tuple(part for event in events for part in event.parts)
    return parts[0] if len(parts) == 1 else EitherOf(parts)


@dataclass(frozen=True)
class Diagnosis(Event):
    """A hospital diagnosis: LPR2 and LPR3 as one, psychiatric hospitals included.

    Attributes:
        codes, exclude: which, and which of them not.
        types: diagnosis types.
        contact, acute, specialty: of what kind its contact must be; see ``contact``.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...]
    types: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    acute: bool | None = None
    specialty: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "diagnoses"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        kind = said(language, "type", "diagnosetype")
        parts = (
            f"{kind} {listed(language, self.types)}",
            *care.words(language, self.contact, self.acute, self.specialty),
        )
        return f"{said(language, 'a diagnosis of', 'en diagnose')} {coded} ({'; '.join(parts)})"


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


@dataclass(frozen=True)
class Procedure(Event):
    """A procedure, examination or treatment at a hospital, by its SKS code."""

    codes: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "procedures"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        return f"{said(language, 'a procedure', 'en procedure')} {coded}"


@dataclass(frozen=True)
class Laboratory(Event):
    """A laboratory result.

    Attributes:
        codes: whole NPU codes.
        above, at_least, below, at_most: what its value must surely be.
        units: the units, as delivered, that it may be given in; all where there are none.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...]
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    units: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "laboratory"
    values: ClassVar[tuple[str, ...]] = ("value",)
    value: ClassVar[str | None] = "value"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        limits = (
            (self.above, said(language, "over", "over")),
            (self.at_least, said(language, "at least", "mindst")),
            (self.below, said(language, "under", "under")),
            (self.at_most, said(language, "at most", "højst")),
        )
        parts = [f"{word} {number(language, limit)}" for limit, word in limits if limit is not None]
        if self.units:
            parts.append(f"{said(language, 'in', 'i')} {listed(language, self.units, 'or')}")
        coded = codes_in_words(language, self.codes, (), self.lists)
        what = f"{said(language, 'a laboratory result', 'et laboratoriesvar')} {coded}"
        return f"{what} ({', '.join(parts)})" if parts else what


@dataclass(frozen=True)
class Death(Event):
    """Death, of any cause or of some.

    Attributes:
        causes, exclude: as LPR spells them; any where there are none.
        contributing: whether a contributing cause counts too.
        lists: the names of the lists that the codes come from.
    """

    causes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    contributing: bool = False
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "deaths"

    @property
    def of_a_cause(self) -> bool:
        """Whether the cause matters."""
        return bool(self.causes or self.exclude)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        if not self.of_a_cause:
            return said(language, "death", "død")
        coded = codes_in_words(language, self.causes, self.exclude, self.lists)
        kind = said(language, "underlying cause", "tilgrundliggende årsag")
        if self.contributing:
            kind = said(
                language, "underlying or contributing cause", "tilgrundliggende eller medvirkende årsag"
            )
        return f"{said(language, 'death of', 'død af')} {coded} ({kind})"


@dataclass(frozen=True)
class Emigration(Event):
    """Leaving Denmark, by the migrations of VNDS; the first of several in a row."""

    view: ClassVar[str] = "emigrations"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        return said(language, "emigration", "udvandring")


@dataclass(frozen=True)
class Immigration(Event):
    """Coming to Denmark, or back, by the migrations of VNDS; the first of several in a row."""

    view: ClassVar[str] = "immigrations"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        return said(language, "immigration", "indvandring")


POSITIONS = ("A", "B", "G")


def diagnosis(
    codes: Codes,
    position: str | Iterable[str] = ("A", "B"),
    *,
    exclude: Codes = (),
    contact: str | Iterable[str] | None = None,
    acute: bool | None = None,
    specialty: str | Iterable[str] | None = None,
) -> Diagnosis:
    """A hospital diagnosis: LPR2 and LPR3 as one; retracted diagnoses are left out.

    Args:
        codes: ICD-10 codes as LPR spells them, with a leading D, or ICD-8 codes; each with all below it.
            ``"DI60-DI69"`` is a range, both ends in it; ``sb.codes("atrial_fibrillation")`` a list by name.
        position: diagnosis types: ``A`` (action), ``B`` (secondary), ``G`` (underlying). Referral diagnoses
            (``H``) are no diagnoses.
        exclude: codes among them that don't count.
        contact: the contact's class: ``inpatient``, ``outpatient``, ``emergency``, or several.
        acute: True for acute contacts alone, False for planned ones.
        specialty: of the department: LPR2's code (``"06"``) or its name (``"kardiologi"``); either finds both
            LPR2's and LPR3's contacts.

    Raises:
        StudyError: a code, type or kind of contact that doesn't exist.
    """
    codes, exclude = gathered(codes), gathered(exclude)
    where = f"diagnosis({told(codes)})"
    types = tuple(position)
    wrong = [one for one in types if one not in POSITIONS]
    if wrong or not types:
        raise StudyError(f"{where}: position {position!r}: choose among {', '.join(POSITIONS)}")
    spelled = code_systems.checked(codes, code_systems.ICD, where)
    return Diagnosis(
        spelled,
        tuple(one for one in POSITIONS if one in types),
        code_systems.excluded(exclude, spelled, code_systems.ICD, where),
        care.kinds(contact, where),
        care.acuteness(acute, where),
        care.specialties(specialty, where),
        code_systems.names(codes),
    )


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


def procedure(sks: Codes, *, exclude: Codes = ()) -> Procedure:
    """A procedure, examination or treatment at a hospital, by SKS code or its beginning.

    Args:
        sks: SKS codes or their beginnings, ranges, or a list.
        exclude: codes among them that don't count.

    Raises:
        StudyError: a code that SKS can't hold.
    """
    codes, exclude = gathered(sks), gathered(exclude)
    where = f"procedure({told(codes)})"
    spelled = code_systems.checked(codes, code_systems.SKS, where)
    out = code_systems.excluded(exclude, spelled, code_systems.SKS, where)
    return Procedure(spelled, out, code_systems.names(codes))


def lab(
    npu: Codes,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    unit: str | Iterable[str] | None = None,
) -> Laboratory:
    """A laboratory result, by whole NPU (or DNK) code.

    A censored result counts only where it surely fulfils the limits: "<5" is below 5 and at most 5, and
    neither below 4 nor above anything. A result that is no number fulfils no limit.

    Args:
        npu: the codes of the analysis.
        above: what its value must be over.
        at_least: what its value must be, or over that.
        below: what its value must be under.
        at_most: what its value must be, or under that.
        unit: the unit, or several, as delivered ("mmol/mol"); results in others don't count.

    Raises:
        StudyError: a code that is not three letters and five digits, or limits that nothing can fulfil.
    """
    codes = gathered(npu)
    where = f"lab({told(codes)})"
    spelled = code_systems.checked(codes, code_systems.NPU, where)
    limits = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    for name, limit in limits.items():
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
            raise StudyError(f"{where}: {name}={limit!r} is no number")
    lows = [limit for limit in (above, at_least) if limit is not None]
    highs = [limit for limit in (below, at_most) if limit is not None]
    if len(lows) > 1 or len(highs) > 1:
        raise StudyError(f"{where}: two limits of one side: give above or at_least, below or at_most")
    open_end = above is not None or below is not None
    if lows and highs and (highs[0] < lows[0] or (open_end and highs[0] == lows[0])):
        raise StudyError(f"{where}: no value is both over {lows[0]} and under {highs[0]}")
    units = () if unit is None else (unit,) if isinstance(unit, str) else tuple(unit)
    if not all(isinstance(one, str) and one.strip() for one in units) or (unit is not None and not units):
        raise StudyError(f"{where}: unit={unit!r}: write it as the laboratory does, such as 'mmol/mol'")
    numbers = {name: None if limit is None else float(limit) for name, limit in limits.items()}
    stripped = tuple(dict.fromkeys(one.strip() for one in units))
    return Laboratory(spelled, units=stripped, lists=code_systems.names(codes), **numbers)


def death(cause: Codes | None = None, *, exclude: Codes = (), contributing: bool = False) -> Death:
    """Death, of any cause if nothing is said.

    Args:
        cause: ICD-10 codes, with LPR's leading D ("DI21") or as the registers of causes spell them ("I21"),
            or ICD-8 codes; ranges and lists too.
        exclude: causes that don't count.
        contributing: count a death too of which it is a contributing cause, not the underlying one alone.

    Raises:
        StudyError: a code that doesn't exist, or ``contributing`` without a cause.
    """
    codes = gathered(cause)
    where = f"death({'' if cause is None else told(codes)})"
    if contributing and cause is None:
        raise StudyError(f"{where}: contributing without a cause: say of what")
    spelled = () if cause is None else code_systems.checked_in_lpr(codes, where)
    out = code_systems.excluded_in_lpr(gathered(exclude), spelled, where)
    return Death(spelled, out, bool(contributing), code_systems.names(codes))


def emigration() -> Emigration:
    """Leaving Denmark."""
    return Emigration()


def immigration() -> Immigration:
    """Coming to Denmark, or back."""
    return Immigration()


def codes_in_words(
    language: Language, codes: Iterable[str], exclude: Iterable[str], lists: Iterable[str]
) -> str:
    """Codes as a protocol says them: which, which not, and from which lists."""
    which = listed(language, codes) or said(language, "anything", "hvad som helst")
    out, named = listed(language, exclude), listed(language, lists)
    if out:
        which += said(language, f" except {out}", f" undtagen {out}")
    if named:
        which += said(language, f" [list {named}]", f" [liste {named}]")
    return which


def told(codes: object) -> str:
    """Codes as a message repeats them: as they were written, a list by its name."""
    if isinstance(codes, CodeList):
        return f"codes({codes.name!r})"
    if isinstance(codes, tuple):
        return f"[{', '.join(told(one) for one in codes)}]"
    return repr(codes)


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


PRODUCT_DIGITS = 6
"""Nordic product numbers have six digits; deliveries that hold them as numbers lose leading zeros."""


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
