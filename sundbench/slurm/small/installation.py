"""The installation as the small cluster's nodes see it.

Jobs run under other accounts than the one that installed Sundbench, so a cluster's Python lies where all can
read it. The one that stands here may lie in a home that is closed to them: then nodes see that home empty but
for the installation. Nothing changes outside the cluster's mount namespace.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path


def show() -> None:
    """Let every account find the way to the installation, in this mount namespace."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[3]}
    closed = {found for path in needed if (found := _closed(path.resolve()))}
    for folder in closed:
        below = [path.resolve() for path in needed if path.resolve().is_relative_to(folder)]
        held = {path: os.open(path, os.O_PATH) for path in below}
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder], check=True)
        for path, descriptor in held.items():
            path.mkdir(parents=True, exist_ok=True)
            # Not canonical: that path is by now the empty folder's.
            by_descriptor = f"/proc/{os.getpid()}/fd/{descriptor}"
            subprocess.run(["mount", "--no-canonicalize", "--bind", by_descriptor, path], check=True)
            os.close(descriptor)


def _closed(path: Path) -> Path | None:
    """The first folder on the way to a path that is closed to others."""
    way = [*reversed(path.parents), path]
    return next((folder for folder in way if not folder.stat().st_mode & stat.S_IXOTH), None)
