"""Exposure episodes from dispensings: when somebody was treated, as far as purchases tell.

Pure functions over frames, one bucket at a time: how long a dispensing lasts (``supply``), how dispensings
join into episodes (``episodes``), periods from the rhythm of purchases (``purchase_rhythm``, the method of
PRE2DUP) and daily doses by the Danish rules (``danish_doses``, medicinMacro). All rules are values that say
themselves in words. The boundaries stand in docs/exposure.md.
"""

from sundbench.cohort.exposure.bucketwise import of_bucket
from sundbench.cohort.exposure.danish_doses import DanishDoses, DoseRange, danish_doses
from sundbench.cohort.exposure.episodes import episodes
from sundbench.cohort.exposure.purchase_rhythm import purchase_rhythm
from sundbench.cohort.exposure.rhythm_limits import RhythmLimits
from sundbench.cohort.exposure.rules import Rules
from sundbench.cohort.exposure.supply import Supply, daily_dose, ddd, fixed_days, given_days, units_a_day

__all__ = [
    "DanishDoses",
    "DoseRange",
    "RhythmLimits",
    "Rules",
    "Supply",
    "daily_dose",
    "danish_doses",
    "ddd",
    "episodes",
    "fixed_days",
    "given_days",
    "of_bucket",
    "purchase_rhythm",
    "units_a_day",
]
