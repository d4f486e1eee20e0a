"""Lists of codes under a name: those that come with Sundbench, and one's own in CSV files."""

from sundbench.cohort.code_lists.from_csv import codes_from_csv
from sundbench.cohort.code_lists.shipped import codes, shipped

__all__ = ["codes", "codes_from_csv", "shipped"]
