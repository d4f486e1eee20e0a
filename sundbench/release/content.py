"""Where studies and reports are found: folders of content, outside the library."""

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


def _folder(variable: str, name: str) -> Path:
    given = os.environ.get(variable)
    if given:
        return Path(given).resolve()
    for place in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (place / name).is_dir():
            return place / name
    raise ReleaseError(f"no folder {name} here: go to the repository, or set {variable}")
