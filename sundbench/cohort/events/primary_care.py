"""Services of general practitioners, specialists and others outside hospital, as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, said


@dataclass(frozen=True)
class Service(Event):
    """Services that the public health insurance paid for, on the Monday of the week of the fee.

    Attributes:
        codes, exclude: specialties; all where there are none.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "services"
    values: ClassVar[tuple[str, ...]] = ("services", "fee")
    value: ClassVar[str | None] = "services"
    uncountable: ClassVar[str] = "a row stands for several services: use sum('services')"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        what = said(language, "a service of primary care", "en ydelse i praksissektoren")
        if not self.codes and not self.exclude:
            return what
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        return f"{what} ({said(language, 'specialty', 'speciale')} {coded})"


def service(specialty: Codes | None = None, *, exclude: Codes = ()) -> Service:
    """Services that the public health insurance paid for; those to a person's child don't count.

    The day is the Monday of the week in which the fee was settled, at or some weeks after the service. The
    values are ``services``, how many, and ``fee`` in øre. Rows aren't services: there is no ``count()``.

    Args:
        specialty: codes of up to six digits, of which the first two are the kind of provider ("80" for
            general practice), or ranges; all if nothing is said.
        exclude: specialties among them that don't count.

    Example:
        >>> sb.service("80").before(years=1).sum("services")

    Raises:
        StudyError: a specialty that isn't digits.
    """
    codes = gathered(specialty)
    where = f"service({'' if specialty is None else told(codes)})"
    spelled = () if specialty is None else code_systems.checked(codes, code_systems.SPECIALTY, where)
    out = code_systems.excluded(gathered(exclude), spelled, code_systems.SPECIALTY, where)
    return Service(spelled, out, code_systems.names(codes))
