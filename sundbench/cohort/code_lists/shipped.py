"""The lists of codes that come with Sundbench, one TOML file each in ``data/``.

Adding a list is adding a file; nothing else names it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sundbench.cohort.codes import SYSTEMS, CodeList, checked
from sundbench.errors import StudyError, one_line
from sundbench.registers.catalogue import Source, Text


class _File(BaseModel):
    """One file.

    Attributes:
        title: what the codes mean.
        system: the code system, as in ``codes.SYSTEMS``.
        codes: codes and ranges as that system spells them.
        sources: where they come from.
        verified: False where a code could not be checked against a public source.
        note: anything a user must know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    system: str
    codes: tuple[str, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    verified: bool = True
    note: Text | None = None

    @field_validator("system")
    @classmethod
    def _known(cls, system: str) -> str:
        if system not in SYSTEMS:
            raise ValueError(f"{system!r}: choose among {', '.join(SYSTEMS)}")
        return system


def codes(name: str) -> CodeList:
    """A list of codes that comes with Sundbench, by its name.

    Example:
        >>> sb.diagnosis(sb.codes("atrial_fibrillation")).before(years=10).any()

    Raises:
        StudyError: no such list; the message says which there are.
    """
    known = shipped()
    if name not in known:
        close = get_close_matches(str(name), known, n=1)
        meant = f": did you mean {close[0]!r}?" if close else ""
        raise StudyError(f"codes({name!r}): no such list{meant}: there are {', '.join(known)}")
    return known[name]


@cache
def shipped() -> Mapping[str, CodeList]:
    """All lists that come with Sundbench, by name, in alphabetical order."""
    folder = files("sundbench.cohort.code_lists").joinpath("data")
    texts = {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return {name: parse(texts[name], name) for name in sorted(texts)}


def parse(text: str, name: str) -> CodeList:
    """A list of codes from its file.

    Raises:
        StudyError: the file is no such list; names what is wrong.
    """
    where = f"list of codes {name}"
    try:
        one = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{where}: no TOML: {error}") from error
    except ValidationError as error:
        raise StudyError(one_line(error, where)) from error
    return CodeList(
        name=name,
        title_en=one.title.en,
        title_da=one.title.da,
        system=one.system,
        codes=checked(one.codes, SYSTEMS[one.system], where),
        source="; ".join(source.title for source in one.sources),
        verified=one.verified,
    )
