"""Sundbench: a national analysis workbench for Danish health registers.

``import sundbench as sb`` gives the words of studies: events, windows, populations, ``Study``, ``connect``
and ``outputs``. Each is imported when it is first used, so that the import itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sundbench.cohort.arithmetic import index_date, years_between
    from sundbench.cohort.attributes import age, region, resident, sex
    from sundbench.cohort.boundaries import boundaries
    from sundbench.cohort.cancers import tumour
    from sundbench.cohort.choices import case, max_of, min_of
    from sundbench.cohort.code_lists import codes, codes_from_csv
    from sundbench.cohort.comorbidity.covariates import charlson, elixhauser
    from sundbench.cohort.database import Database, connect
    from sundbench.cohort.events import (
        death,
        diagnosis,
        dispensing,
        emigration,
        hospital_medicine,
        immigration,
        lab,
        procedure,
    )
    from sundbench.cohort.exposure.danish_doses import DanishDoses, DoseRange
    from sundbench.cohort.exposure.rules import Rules
    from sundbench.cohort.exposure.supply import daily_dose, ddd, fixed_days, units_a_day
    from sundbench.cohort.following.exposures import exposure
    from sundbench.cohort.following.follow_up import follow_up
    from sundbench.cohort.following.outcomes import outcome
    from sundbench.cohort.following.rhythm import purchase_rhythm
    from sundbench.cohort.following.treatment import on_treatment
    from sundbench.cohort.high_dimensional.covariates import HighDimensional, high_dimensional
    from sundbench.cohort.high_dimensional.dimensions import dimension
    from sundbench.cohort.high_dimensional.prioritising import Prioritised, prioritise
    from sundbench.cohort.hospital_care import contact, hospital_cost, stay
    from sundbench.cohort.phenotypes import phenotype
    from sundbench.cohort.population import new_users
    from sundbench.cohort.populations.families import children, parents, siblings
    from sundbench.cohort.populations.matched import matched
    from sundbench.cohort.populations.onset import onset
    from sundbench.cohort.populations.prevalent import prevalent_new_users
    from sundbench.cohort.populations.residents import residents
    from sundbench.cohort.primary_care import service
    from sundbench.cohort.result import Cohort
    from sundbench.cohort.society import education, income
    from sundbench.cohort.study import Study
    from sundbench.release.outputs import outputs

_WHERE = {
    "sundbench.cohort.arithmetic": ("index_date", "years_between"),
    "sundbench.cohort.boundaries": ("boundaries",),
    "sundbench.cohort.choices": ("case", "max_of", "min_of"),
    "sundbench.cohort.cancers": ("tumour",),
    "sundbench.cohort.code_lists": ("codes", "codes_from_csv"),
    "sundbench.cohort.comorbidity.covariates": ("charlson", "elixhauser"),
    "sundbench.cohort.database": ("Database", "connect"),
    "sundbench.cohort.events": (
        "death",
        "diagnosis",
        "dispensing",
        "emigration",
        "hospital_medicine",
        "immigration",
        "immigration",
        "lab",
        "procedure",
    ),
    "sundbench.cohort.exposure.danish_doses": ("DanishDoses", "DoseRange"),
    "sundbench.cohort.exposure.rules": ("Rules",),
    "sundbench.cohort.exposure.supply": ("daily_dose", "ddd", "fixed_days", "units_a_day"),
    "sundbench.cohort.attributes": ("age", "region", "resident", "sex"),
    "sundbench.cohort.following.exposures": ("exposure",),
    "sundbench.cohort.following.follow_up": ("follow_up",),
    "sundbench.cohort.following.outcomes": ("outcome",),
    "sundbench.cohort.following.rhythm": ("purchase_rhythm",),
    "sundbench.cohort.following.treatment": ("on_treatment",),
    "sundbench.cohort.high_dimensional.covariates": ("HighDimensional", "high_dimensional"),
    "sundbench.cohort.high_dimensional.dimensions": ("dimension",),
    "sundbench.cohort.high_dimensional.prioritising": ("Prioritised", "prioritise"),
    "sundbench.cohort.hospital_care": ("contact", "hospital_cost", "stay"),
    "sundbench.cohort.phenotypes": ("phenotype",),
    "sundbench.cohort.population": ("new_users",),
    "sundbench.cohort.populations.families": ("children", "parents", "siblings"),
    "sundbench.cohort.populations.matched": ("matched",),
    "sundbench.cohort.populations.onset": ("onset",),
    "sundbench.cohort.populations.prevalent": ("prevalent_new_users",),
    "sundbench.cohort.populations.residents": ("residents",),
    "sundbench.cohort.primary_care": ("service",),
    "sundbench.cohort.result": ("Cohort",),
    "sundbench.cohort.society": ("education", "income"),
    "sundbench.cohort.study": ("Study",),
    "sundbench.release.outputs": ("outputs",),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "Cohort",
    "DanishDoses",
    "Database",
    "DoseRange",
    "HighDimensional",
    "Prioritised",
    "Rules",
    "Study",
    "age",
    "boundaries",
    "case",
    "charlson",
    "children",
    "codes",
    "codes_from_csv",
    "connect",
    "contact",
    "daily_dose",
    "ddd",
    "death",
    "diagnosis",
    "dimension",
    "dispensing",
    "education",
    "elixhauser",
    "emigration",
    "exposure",
    "fixed_days",
    "follow_up",
    "high_dimensional",
    "hospital_cost",
    "hospital_medicine",
    "immigration",
    "income",
    "index_date",
    "lab",
    "matched",
    "max_of",
    "min_of",
    "new_users",
    "on_treatment",
    "onset",
    "outcome",
    "outputs",
    "parents",
    "phenotype",
    "prevalent_new_users",
    "prioritise",
    "procedure",
    "purchase_rhythm",
    "region",
    "resident",
    "residents",
    "service",
    "sex",
    "siblings",
    "stay",
    "tumour",
    "units_a_day",
    "years_between",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names have types of their own
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'sundbench' has no attribute {name!r}")
    found = getattr(import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
