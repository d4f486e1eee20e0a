"""Code lists of comorbidity indices: data in ``data/*.toml``, each file with its sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from sundbench.errors import StudyError
from sundbench.registers.catalogue import Text

Index = Literal["charlson", "elixhauser"]

CODES: Mapping[Index, tuple[str, ...]] = {
    "charlson": ("danish", "heaven", "quan", "swedish", "australian"),
    "elixhauser": ("quan",),
}
"""The code lists that there are of each index, the default first."""

UNWEIGHTED = "unweighted"
"""The weighting by which every condition counts 1: the number of conditions."""


@dataclass(frozen=True)
class Condition:
    """One condition of an index.

    Attributes:
        name: its name.
        codes: ICD-8 and ICD-10 codes as LPR spells them, each with all codes below it.
        weights: what it adds, by weighting.
        graver: the condition that makes this one not count; None if there is none.
    """

    name: str
    codes: tuple[str, ...]
    weights: Mapping[str, int]
    graver: str | None

    @property
    def danish(self) -> str:
        """Its name in Danish."""
        return _danish_names()[self.name]

    def weight(self, weighting: str) -> int:
        """What it adds under a weighting."""
        return 1 if weighting == UNWEIGHTED else self.weights[weighting]


@dataclass(frozen=True)
class CodeList:
    """An index in the codes of one publication.

    Attributes:
        index: the index.
        codes: the list's name.
        title: what codes they are and whose.
        conditions: the conditions, in the order of the index.
    """

    index: Index
    codes: str
    title: Text
    conditions: tuple[Condition, ...]

    @property
    def weightings(self) -> tuple[str, ...]:
        """The weightings that it can be summed by, the default first."""
        return (*self.conditions[0].weights, UNWEIGHTED)

    def condition(self, name: str) -> Condition:
        """One condition.

        Raises:
            StudyError: there is none of that name.
        """
        for one in self.conditions:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in self.conditions)
        raise StudyError(f"{self.index}(codes={self.codes!r}): no condition {name!r}: there are {names}")

    def family(self, name: str, hierarchy: bool) -> tuple[Condition, ...]:
        """A condition and, under the hierarchy, the one that makes it not count."""
        one = self.condition(name)
        return (one,) if one.graver is None or not hierarchy else (one, self.condition(one.graver))

    def weighting(self, name: str | None) -> str:
        """A weighting's name, the default where none is given.

        Raises:
            StudyError: the list has no such weights.
        """
        chosen = self.weightings[0] if name is None else name
        if chosen not in self.weightings:
            raise StudyError(
                f"{self.index}(codes={self.codes!r}, weights={name!r}): no such weights: "
                f"choose among {', '.join(self.weightings)}"
            )
        return chosen


def code_list(index: Index, codes: str) -> CodeList:
    """A code list by name.

    Raises:
        StudyError: there is none of that name.
    """
    if codes not in CODES[index]:
        raise StudyError(
            f"{index}(codes={codes!r}): no such code list: choose among {', '.join(CODES[index])}"
        )
    return _read(index, codes)


@cache
def _read(index: Index, codes: str) -> CodeList:
    file = files("sundbench.cohort.comorbidity").joinpath(f"data/{index}_{codes}.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    conditions = tuple(
        Condition(name, tuple(entry["codes"]), entry["weights"], entry.get("graver"))
        for name, entry in table["conditions"].items()
    )
    return CodeList(index, codes, Text.model_validate(table["title"]), conditions)


@cache
def _danish_names() -> Mapping[str, str]:
    file = files("sundbench.cohort.comorbidity").joinpath("data/condition_names.toml")
    names: Mapping[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))
    return names
