"""Phenotypes as data: what a definition file may say. The files are ``data/*.toml``, or a user's own."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from sundbench.errors import StudyError, one_line

NAMES = ("diabetes_osdc", "hypertension_atc")
"""The phenotypes that come with the library."""

Codes = Annotated[tuple[str, ...], Field(min_length=1)]


class Part(BaseModel):
    """Any table of a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(Part):
    """What it tells, in Danish and English."""

    da: str
    en: str


class Diagnoses(Part):
    """Hospital diagnoses of diabetes."""

    types: Codes
    primary: str
    icd_10: Codes
    icd_8: Codes
    type_1: Codes
    type_2: Codes


class Podiatry(Part):
    """Podiatrists' services to people with diabetes."""

    specialties: Codes
    recipient: str


class Purchases(Part):
    """Purchases of glucose-lowering drugs, by ATC or its beginning."""

    drugs: Codes
    not_: tuple[str, ...] = Field(alias="not")
    insulins: Codes
    not_insulins: tuple[str, ...]


class PolycysticOvaries(Part):
    """Purchases that may be for polycystic ovary syndrome."""

    drug: str
    sex: str
    before_age: PositiveInt
    indications: tuple[str, ...]


class Pregnancy(Part):
    """Pregnancies' endings, and the weeks around them in which diabetes may be gestational."""

    endings: Codes
    weeks_before: PositiveInt
    weeks_after: PositiveInt


class Type1(Part):
    """What tells type 1 in those who buy other drugs than insulin too."""

    insulin_share: tuple[PositiveInt, PositiveInt]
    insulin_within_days: PositiveInt


class Department(Part):
    """Departments by LPR2's specialty codes and LPR3's specialty names."""

    lpr2: tuple[int, ...]
    lpr3: tuple[str, ...]


class Departments(Part):
    """Departments whose diagnoses tell the type."""

    endocrinology: Department
    medical: Department


class Diabetes(Part):
    """Diabetes and its type, as the Open-Source Diabetes Classifier tells them."""

    kind: Literal["diabetes"]
    title: Title
    stable_from: date
    purchases_from: date | None = None
    hba1c: Annotated[dict[str, float], Field(min_length=1)]
    diagnoses: Diagnoses
    podiatry: Podiatry
    purchases: Purchases
    polycystic_ovaries: PolycysticOvaries
    pregnancy: Pregnancy
    type_1: Type1
    departments: Departments


class DrugClasses(Part):
    """A condition told by purchases of several classes of drugs."""

    kind: Literal["drug classes"]
    title: Title
    at_least: PositiveInt
    days: PositiveInt
    quarters: PositiveInt
    classes: Annotated[dict[str, Codes], Field(min_length=1)]


Definition = Annotated[Diabetes | DrugClasses, Field(discriminator="kind")]

_DEFINITION: TypeAdapter[Diabetes | DrugClasses] = TypeAdapter(Definition)


def definition(name: str | Path, changes: dict[str, object]) -> Diabetes | DrugClasses:
    """Read a definition by name, or from a user's file.

    Args:
        name: one of ``NAMES``, or the path of a TOML file.
        changes: what to say otherwise than the file does, at its top level.

    Raises:
        StudyError: there is no such phenotype or file, or what it says makes no sense.
    """
    where = f"phenotype({str(name)!r})"
    if name in NAMES:
        text = files("sundbench.cohort.phenotypes").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    elif str(name).endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(f"{where}: the file can't be read: look at its path and encoding") from error
    else:
        raise StudyError(f"{where}: no such phenotype: there are {', '.join(NAMES)}, or give a .toml file")
    try:
        return _DEFINITION.validate_python(tomllib.loads(text) | changes)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{where}: {error}") from error
    except ValidationError as error:
        raise StudyError(one_line(error, where)) from error
