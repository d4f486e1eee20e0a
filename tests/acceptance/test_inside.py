"""What a member of the demo's project finds in a kernel: the welcome notebook, on both kinds of data."""

from pathlib import Path

import nbformat
import pytest

import sundbench as sb
from tests.acceptance.conftest import PATIENCE, Demo, sundbench

pytestmark = PATIENCE


@pytest.fixture(scope="module")
def synthetic(demo: Demo) -> Path:
    done = sundbench("extract", "lung-cancer-demo", "--synthetic", home=demo.home)
    assert done.returncode == 0, done.stdout + done.stderr
    return demo.home / "synthetic" / "lung-cancer-demo"


@pytest.mark.parametrize("data", ["register", "synthetic"])
def test_the_welcome_notebook_runs(demo, synthetic, repository, monkeypatch, data):
    import matplotlib as mpl

    mpl.use("agg")
    extract = synthetic if data == "synthetic" else demo.home / "extracts" / "lung-cancer-demo" / "demo"
    monkeypatch.setenv("SUNDBENCH_EXTRACT", str(extract))
    names: dict = {"display": lambda *_: None}
    for cell in nbformat.read(repository / "kernels" / "welcome" / "velkommen.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "velkommen.ipynb", "exec"), names)
    assert len(names["cohort"]) > 0


def test_the_synthetic_extract_has_the_shape_of_the_real_one_and_none_of_its_persons(demo, synthetic):
    real = sb.connect(demo.home / "extracts" / "lung-cancer-demo" / "demo")
    drawn = sb.connect(synthetic)
    assert drawn.registers == real.registers
    for name in real.registers:
        types = drawn.lazy(name).collect_schema()
        held = real.lazy(name).collect_schema()
        # A delivery may lack a column; the permit's other ones are the same, in order and type.
        assert [(column, types[column]) for column in held] == list(held.items()), name
        assert [column for column in types if column in held] == list(held), name
        assert set(drawn.columns(name)) >= set(real.columns(name))
    persons = {
        name: set(db.lazy("bef").collect()["person"]) for name, db in (("real", real), ("drawn", drawn))
    }
    # Pseudonyms are drawn from two thousand million: a few may meet by chance, not more.
    assert len(persons["real"] & persons["drawn"]) < 3
