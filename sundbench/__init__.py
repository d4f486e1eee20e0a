"""Sundbench: a national analysis workbench for Danish health registers.

``import sundbench as sb`` gives the words of studies: events, windows, populations, ``Study``, ``connect``
and ``outputs``. Each is imported when it is first used, so that the import itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sundbench.cohort.boundaries import boundaries
    from sundbench.cohort.code_lists import codes, codes_from_csv
    from sundbench.cohort.comorbidity.covariates import charlson, elixhauser
    from sundbench.cohort.database import Database, connect
    from sundbench.cohort.events.diagnoses import diagnosis
    from sundbench.cohort.events.hospital_care import contact, hospital_cost, stay
    from sundbench.cohort.events.laboratory import lab
    from sundbench.cohort.events.medicines import dispensing, hospital_medicine
    from sundbench.cohort.events.primary_care import service
    from sundbench.cohort.events.procedures import procedure
    from sundbench.cohort.events.tumours import tumour
    from sundbench.cohort.events.vital import death, emigration, immigration
    from sundbench.cohort.exposure.danish_doses import DanishDoses, DoseRange
    from sundbench.cohort.exposure.rules import Rules
    from sundbench.cohort.exposure.supply import daily_dose, ddd, fixed_days, units_a_day
    from sundbench.cohort.features.arithmetic import index_date, years_between
    from sundbench.cohort.features.attributes import age, region, resident, sex
    from sundbench.cohort.features.choices import case, max_of, min_of
    from sundbench.cohort.features.society import education, income
    from sundbench.cohort.following.exposures import exposure
    from sundbench.cohort.following.follow_up import follow_up
    from sundbench.cohort.following.outcomes import outcome
    from sundbench.cohort.following.rhythm import purchase_rhythm
    from sundbench.cohort.following.treatment import on_treatment
    from sundbench.cohort.high_dimensional.covariates import HighDimensional, high_dimensional
    from sundbench.cohort.high_dimensional.dimensions import dimension
    from sundbench.cohort.high_dimensional.prioritising import Prioritised, prioritise
    from sundbench.cohort.phenotypes import phenotype
    from sundbench.cohort.populations.families import children, parents, siblings
    from sundbench.cohort.populations.matched import matched
    from sundbench.cohort.populations.new_users import new_users
    from sundbench.cohort.populations.onset import onset
    from sundbench.cohort.populations.prevalent import prevalent_new_users
    from sundbench.cohort.populations.residents import residents
    from sundbench.cohort.result import Cohort
    from sundbench.cohort.study import Study
    from sundbench.release.outputs import outputs

_WHERE = {
    "sundbench.cohort.boundaries": ("boundaries",),
    "sundbench.cohort.code_lists": ("codes", "codes_from_csv"),
    "sundbench.cohort.comorbidity.covariates": ("charlson", "elixhauser"),
    "sundbench.cohort.database": ("Database", "connect"),
    "sundbench.cohort.events.diagnoses": ("diagnosis",),
    "sundbench.cohort.events.hospital_care": ("contact", "hospital_cost", "stay"),
    "sundbench.cohort.events.laboratory": ("lab",),
    "sundbench.cohort.events.medicines": ("dispensing", "hospital_medicine"),
    "sundbench.cohort.events.primary_care": ("service",),
    "sundbench.cohort.events.procedures": ("procedure",),
    "sundbench.cohort.events.tumours": ("tumour",),
    "sundbench.cohort.events.vital": ("death", "emigration", "immigration"),
    "sundbench.cohort.exposure.danish_doses": ("DanishDoses", "DoseRange"),
    "sundbench.cohort.exposure.rules": ("Rules",),
    "sundbench.cohort.exposure.supply": ("daily_dose", "ddd", "fixed_days", "units_a_day"),
    "sundbench.cohort.features.arithmetic": ("index_date", "years_between"),
    "sundbench.cohort.features.attributes": ("age", "region", "resident", "sex"),
    "sundbench.cohort.features.choices": ("case", "max_of", "min_of"),
    "sundbench.cohort.features.society": ("education", "income"),
    "sundbench.cohort.following.exposures": ("exposure",),
    "sundbench.cohort.following.follow_up": ("follow_up",),
    "sundbench.cohort.following.outcomes": ("outcome",),
    "sundbench.cohort.following.rhythm": ("purchase_rhythm",),
    "sundbench.cohort.following.treatment": ("on_treatment",),
    "sundbench.cohort.high_dimensional.covariates": ("HighDimensional", "high_dimensional"),
    "sundbench.cohort.high_dimensional.dimensions": ("dimension",),
    "sundbench.cohort.high_dimensional.prioritising": ("Prioritised", "prioritise"),
    "sundbench.cohort.phenotypes": ("phenotype",),
    "sundbench.cohort.populations.families": ("children", "parents", "siblings"),
    "sundbench.cohort.populations.matched": ("matched",),
    "sundbench.cohort.populations.new_users": ("new_users",),
    "sundbench.cohort.populations.onset": ("onset",),
    "sundbench.cohort.populations.prevalent": ("prevalent_new_users",),
    "sundbench.cohort.populations.residents": ("residents",),
    "sundbench.cohort.result": ("Cohort",),
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
