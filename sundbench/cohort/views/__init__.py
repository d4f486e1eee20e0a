"""Harmonised views over one bucket of an extract: what registers say, once each, under one set of names.

Each view is a function of a bucket that gives a lazy frame with fixed columns, ``person`` first. The rules
and their sources: ``docs/views.md``.
"""

from sundbench.cohort.views.contacts import contacts
from sundbench.cohort.views.deaths import deaths
from sundbench.cohort.views.diagnoses import COMORBIDITY_TYPES, OUTCOME_TYPES, diagnoses
from sundbench.cohort.views.dispensings import dispensings
from sundbench.cohort.views.hospital_medicines import hospital_medicines
from sundbench.cohort.views.laboratory import laboratory
from sundbench.cohort.views.migrations import emigrations, immigrations, migrations
from sundbench.cohort.views.procedures import procedures
from sundbench.cohort.views.residence import residence
from sundbench.cohort.views.services import services
from sundbench.cohort.views.stays import stays
from sundbench.cohort.views.tariffs import tariffs
from sundbench.cohort.views.tumours import tumours

__all__ = [
    "COMORBIDITY_TYPES",
    "OUTCOME_TYPES",
    "contacts",
    "deaths",
    "diagnoses",
    "dispensings",
    "emigrations",
    "hospital_medicines",
    "immigrations",
    "laboratory",
    "migrations",
    "procedures",
    "residence",
    "services",
    "stays",
    "tariffs",
    "tumours",
]
