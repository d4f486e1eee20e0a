"""Loops that run as machine code."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import TypingError
from numpy.typing import NDArray

from sundbench.methods.compiled import compiled


@compiled
def running_maximum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = values.copy()
    for at in range(1, len(found)):
        found[at] = max(found[at], found[at - 1])
    return found


def test_a_loop_gives_what_python_gives() -> None:
    values = np.random.default_rng(1).normal(size=1_000)
    assert np.array_equal(running_maximum(values), np.maximum.accumulate(values))


def test_what_cannot_be_compiled_is_refused_rather_than_run_slowly() -> None:
    @compiled
    def first(values: object) -> object:
        return {"value": values}.popitem()

    with pytest.raises(TypingError):
        first(object())


def test_a_library_that_may_not_be_written_is_no_hindrance(tmp_path: Path) -> None:
    """As in a sandbox: the library is mounted read-only, the home folder is the project's scratch."""
    module = tmp_path / "library" / "loop.py"
    module.parent.mkdir()
    module.write_text(
        "from sundbench.methods.compiled import compiled\n@compiled\ndef double(x):\n    return 2 * x\n"
    )
    # A file where the cache folder would be: nobody, root included, can write there.
    (module.parent / "__pycache__").touch()
    home = tmp_path / "home"
    home.mkdir()
    said = subprocess.run(
        [sys.executable, "-B", "-c", "import loop; print(loop.double(21))"],
        env=os.environ | {"HOME": str(home), "PYTHONPATH": os.pathsep.join([str(module.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "42\n"
    assert list(home.rglob("*.nbi"))
