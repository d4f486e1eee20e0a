"""Where studies, reports, kernels and the hub's files are found: folders of content, outside the library."""

from __future__ import annotations

import os
from pathlib import Path

from sundbench.errors import ReleaseError


def analyses() -> Path:
    """The folder of studies: ``SUNDBENCH_ANALYSES``, or ``analyses`` here or beside the library."""
    return _folder("SUNDBENCH_ANALYSES", "analyses")


def reports() -> Path:
    """The folder of reports: ``SUNDBENCH_REPORTS``, or ``reports`` here or beside the library."""
    return _folder("SUNDBENCH_REPORTS", "reports")


def kernels() -> Path:
    """Kernelspecs and policies: ``SUNDBENCH_KERNELS``, or ``kernels`` beside the library or here."""
    return _folder("SUNDBENCH_KERNELS", "kernels", own_first=True)


def hub_config() -> Path:
    """The hub's deployment: ``SUNDBENCH_HUB_CONFIG``, or ``hub_config`` beside the library or here."""
    return _folder("SUNDBENCH_HUB_CONFIG", "hub_config", own_first=True)


def _folder(variable: str, name: str, *, own_first: bool = False) -> Path:
    """Find a folder; what decides who may see what is the library's own before anything that lies here."""
    given = os.environ.get(variable)
    if given:
        return Path(given).resolve()
    here, own = Path.cwd(), Path(__file__).resolve().parents[2]
    for place in (own, here) if own_first else (here, own):
        if (place / name).is_dir():
            return place / name
    raise ReleaseError(f"no folder {name} here: go to the repository, or set {variable}")
