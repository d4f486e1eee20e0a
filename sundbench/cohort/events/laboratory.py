"""Laboratory results as events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, listed, number, said
from sundbench.errors import StudyError


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
