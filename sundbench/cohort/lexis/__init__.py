"""Follow-up split by several time scales at once (a Lexis diagram): age, calendar, entry, exposure.

Every day of follow-up belongs to one band of each scale; a piece is a run of days that agree in all of them.
``Cohort.split`` is what studies use; ``split`` does the same for arrays of one's own.
"""

from sundbench.cohort.lexis.bands import Bands, age_bands, calendar_bands, entry_bands
from sundbench.cohort.lexis.cutting import Cut, Spans, split
from sundbench.cohort.lexis.scales import Age, Calendar, Recurrences, Scale, SinceEntry, States

__all__ = [
    "Age",
    "Bands",
    "Calendar",
    "Cut",
    "Recurrences",
    "Scale",
    "SinceEntry",
    "Spans",
    "States",
    "age_bands",
    "calendar_bands",
    "entry_bands",
    "split",
]
