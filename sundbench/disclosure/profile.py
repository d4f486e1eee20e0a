"""Disclosure profiles: each authority's thresholds, as data."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sundbench.errors import DisclosureError, one_line
from sundbench.registers.catalogue import Text


class Profile(BaseModel):
    """The thresholds that outputs are checked under.

    Attributes:
        title: the authority, in Danish and English.
        source: where the thresholds are from.
        min_persons: the fewest persons that a cell, a difference of two cells or a shared value may have.
            No persons at all are allowed.
        min_events: the fewest events that a step of a curve may gather.
        min_df: the fewest residual degrees of freedom of a fitted model.
        p_percent: a sum fails when X - x1 - x2 < p/100 * x1, where x1 and x2 are its two largest
            contributions (the p% rule).
        dominance_n, dominance_k: a sum fails when its n largest contributions make more than k percent of
            it. n is 1 or 2: a card says the two largest contributions only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    source: str
    min_persons: int = Field(ge=2)
    min_events: int = Field(ge=2)
    min_df: int = Field(ge=1)
    p_percent: float = Field(gt=0, lt=100)
    dominance_n: int = Field(ge=1, le=2)
    dominance_k: float = Field(gt=0, le=100)

    @property
    def digest(self) -> str:
        """SHA-256 over what the profile says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@cache
def profile(name: str) -> Profile:
    """A profile by the name that permits give.

    Raises:
        DisclosureError: there is none of that name.
    """
    folder = files(__package__) / "profiles"
    names = sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
    if name not in names:
        raise DisclosureError(f"no disclosure profile called {name}; there are {', '.join(names)}")
    text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    try:
        return Profile.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise DisclosureError(one_line(error, f"disclosure profile {name}")) from error
