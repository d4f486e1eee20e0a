"""Deaths and migrations as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, said
from sundbench.errors import StudyError


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
