"""What projects and their studies are in the tests of runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat

from sundbench.release.study import StudyFolder
from sundbench.site import Site
from sundbench.slurm.accounts import Account

_PERMIT = """
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

_STUDY = """
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
[parameters.since]
type = "date"
default = 2018-06-01
min = 2018-05-01
[parameters.since.label]
da = "Fra"
en = "From"
"""
_PARAMETERS = "women = 1\nsince = ''"
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


def permit_text(permit: str, expires: str = "2090-01-01") -> str:
    """A permit of which anna is a researcher."""
    return _PERMIT.format(permit=permit, expires=expires)


def write_study(analyses: Path, *cells: str) -> StudyFolder:
    """A study of these cells, whose parameters are ``women`` and ``since``."""
    folder = analyses / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(_STUDY, encoding="utf-8")
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (_PARAMETERS, *cells)]
    )
    made.cells[0].metadata["tags"] = ["parameters"]
    for i, cell in enumerate(made.cells):
        cell["id"] = f"c{i}"
    (folder / "analysis.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    return StudyFolder(folder)
