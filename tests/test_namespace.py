"""`import sundbench as sb`: all words of studies, at no cost."""

import subprocess
import sys

import sundbench as sb


def test_every_word_is_there():
    for name in sb.__all__:
        assert callable(getattr(sb, name))
    assert set(sb.__all__) <= set(dir(sb))


def test_the_import_alone_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, sundbench; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"polars", "pandas", "dask", "pyarrow", "numpy"} & set(done.stdout.split())


def test_an_unknown_word():
    assert not hasattr(sb, "prescription")
