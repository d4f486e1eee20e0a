"""What a project on the small Slurm is, and what its study says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sundbench.site import Site
from sundbench.slurm.accounts import Account

PERMIT = """
id = "{permit}"
purpose = "test"
basis = "none: invented"
expires = {expires}
[title]
da = "Prøve"
en = "Trial"
[period]
since = 2010-01-01
until = 2025-12-31
[population]
everyone = true
[[members]]
user = "anna"
role = "researcher"
[registers.bef]
columns = ["koen"]
"""

STUDY = """
id = "tiny"
[title]
da = "Lille"
en = "Tiny"
[description]
da = "Et lille studie"
en = "A tiny study"
[permit.registers]
bef = ["koen"]
[parameters.women]
type = "integer"
default = 12
min = 0
max = 1000
[parameters.women.label]
da = "Kvinder"
en = "Women"
"""
ONE_TABLE = (
    "import pandas as pd, sundbench as sb\n"
    "sb.outputs().counts('sex', pd.DataFrame({'sex': ['men', 'women'], 'persons': [10, women]}), "
    "by=['sex'], persons='persons')"
)


@dataclass(frozen=True)
class Project:
    """A permit on an installation, whose jobs run under its own account."""

    site: Site
    permit: str
    account: Account
    extract: Path
