"""The notebook that a new project's members find: it runs whatever the permit allows, and is stored clean."""

import json
from pathlib import Path

import nbformat
import pandas as pd
import polars as pl
import pytest

from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.release.study import find
from sundbench.release.synthetic_extract import synthetic_extract
from sundbench.site import Site

PERMIT = """
id = "{id}"
title = {{ da = "Velkommen", en = "Welcome" }}
purpose = "test"
basis = "none: invented"
members = [{{ user = "anna", role = "researcher" }}]
expires = 2999-01-01
period = {{ since = 2012-01-01, until = 2024-12-31 }}
population = {{ everyone = true }}
"""


@pytest.fixture
def welcome(repository: Path) -> Path:
    return repository / "kernels" / "welcome" / "welcome.ipynb"


@pytest.fixture
def run(monkeypatch):
    """Run a notebook's cells over an extract; gives their variables and the figures that they drew."""
    import matplotlib as mpl

    mpl.use("agg")

    def execute(notebook: Path, extract: Path) -> tuple[dict, int]:
        from matplotlib import pyplot as plt

        monkeypatch.setenv("SUNDBENCH_EXTRACT", str(extract))
        names: dict = {"display": lambda *_: None}
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, notebook.name, "exec"), names)
        drawn = len(plt.get_fignums())
        plt.close("all")
        return names, drawn

    return execute


@pytest.fixture
def synthetic(tmp_path):
    """The synthetic extract of a permit for some registers."""

    def make(registers: dict[str, list[str]]) -> Path:
        text = PERMIT.format(id="welcome")
        text += "".join(f"[registers.{n}]\ncolumns = {json.dumps(c)}\n" for n, c in registers.items())
        site = Site(root=tmp_path, database_url=f"sqlite:///{tmp_path / 'sundbench.db'}")
        with database.writing(site) as session:
            permits.register(session, parse(text, "permit"), text, "steward")
        return synthetic_extract(site, "welcome", persons=1_500).path

    return make


def test_it_shows_a_cohort_and_figures_over_a_synthetic_extract(welcome, run, synthetic, repository):
    needs = find(repository / "analyses", "drug_cost_effectiveness").about.permit.registers
    names, figures = run(welcome, synthetic({name: list(columns) for name, columns in needs.items()}))
    assert figures == 2
    assert len(names["cohort"]) > 30
    assert isinstance(names["table"], pd.DataFrame)
    assert names["by_year"]["year"].to_list() == list(range(2012, 2025))


@pytest.mark.parametrize(
    "registers",
    [
        {"udda": ["aar", "hfaudd"]},
        {"smr": ["d_adm", "c_atc"], "dod": ["doddato"]},
        {"lpr_diag": ["d_inddto", "c_diag"], "lmdb": ["atc"]},
    ],
)
def test_it_goes_as_far_as_the_permit_allows(welcome, run, synthetic, registers):
    _, figures = run(welcome, synthetic(registers))
    assert figures >= 1


def test_danish_and_english_have_the_same_code_and_no_outputs(welcome):
    notebooks = [
        nbformat.read(path, as_version=4) for path in (welcome, welcome.with_name("velkommen.ipynb"))
    ]
    for notebook in notebooks:
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "synthetic-data"
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    english, danish = ([c.source for c in n.cells if c.cell_type == "code"] for n in notebooks)
    assert english == danish
    assert [c.id for c in notebooks[0].cells] == [c.id for c in notebooks[1].cells]


def test_figures_count_rows_and_show_nobody(welcome, run, synthetic):
    names, _ = run(welcome, synthetic({"lmdb": ["eksd", "atc"]}))
    assert isinstance(names["by_year"], pl.DataFrame)
    assert names["by_year"].columns == ["year", "rows"]
