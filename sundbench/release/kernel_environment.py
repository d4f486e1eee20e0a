"""What a run's kernel knows of the process around it: its whole environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sundbench.release.confined import WORK

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Linear algebra on one thread: how sums are split over threads decides their last digit."""

_KEPT_CONFINED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""What a kernel in a sandbox inherits, where paths of the host lead nowhere."""

_KEPT = ("PATH", *_KEPT_CONFINED, "VIRTUAL_ENV", "TZDIR")
"""All that a kernel inherits. Everything else of the environment (database, keys, tokens) stays outside."""


def environment(scratch: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a kernel.

    Args:
        scratch: a folder of the kernel's own, its home.
        given: what this kernel is to know, such as where its extract lies.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_CONFIG_DIR": str(scratch / "jupyter"),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "MPLBACKEND": "agg",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
    }
    return kept | own | THREADS | dict(given)


def confined_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The same in a sandbox, which has its own programs and its own small ``/tmp``."""
    whole = environment(WORK, given)
    return {name: value for name, value in whole.items() if name not in _KEPT or name in _KEPT_CONFINED}
