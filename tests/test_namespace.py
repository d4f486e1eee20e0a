"""`import sundbench as sb`: all words of studies, at no cost."""

import subprocess
import sys

import pytest

import sundbench as sb


def test_every_word_is_there():
    for name in sb.__all__:
        assert callable(getattr(sb, name))
    assert set(sb.__all__) <= set(dir(sb))


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sundbench", {"polars", "pandas", "dask", "pyarrow", "numpy"}),
        ("sundbench.disclosure.profile", {"polars", "pandas", "pyarrow", "numpy"}),
        ("sundbench.release.cluster.worker", {"polars", "pandas", "pyarrow", "scipy", "papermill"}),
    ],
)
def test_a_program_loads_nothing_heavy_that_it_does_not_use(module, heavy):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not heavy & set(done.stdout.split())


def test_an_unknown_word():
    assert not hasattr(sb, "prescription")
