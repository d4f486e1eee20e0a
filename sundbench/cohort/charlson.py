"""The diseases of the Charlson index: data in ``charlson.toml``, with its sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Disease:
    """One disease of the index.

    Attributes:
        name: its name.
        score: what it adds.
        codes: ICD-8 and ICD-10 codes as LPR spells them, each with all codes below it.
        graver: the disease that makes this one not count; None if there is none.
    """

    name: str
    score: int
    codes: tuple[str, ...]
    graver: str | None


@cache
def diseases() -> tuple[Disease, ...]:
    """The nineteen diseases."""
    text = files("sundbench.cohort").joinpath("charlson.toml").read_text(encoding="utf-8")
    return tuple(
        Disease(name, entry["score"], tuple(entry["codes"]), entry.get("graver"))
        for name, entry in tomllib.loads(text).items()
    )
