"""What codes are called, where the catalogue of registers says so."""

from __future__ import annotations

from sundbench.cohort.high_dimensional.dimensions import Dimension
from sundbench.cohort.sources import SOURCES
from sundbench.registers.catalogue import Text, catalogue


def titles(dimension: Dimension, code: str) -> Text | None:
    """A code's title in Danish and English; None where the catalogue has no label for it."""
    known = catalogue()
    for name, columns in SOURCES[dimension.view].registers.items():
        for column in columns:
            entry = known[name].columns.get(column)  # a child has its parent's day, but no entry for it
            if entry is not None and code in entry.labels:
                return entry.labels[code]
    return None
