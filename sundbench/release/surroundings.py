"""What a run ran on: library, packages, processor. Part of its manifest, since it decides the last digit."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sundbench.release.kernel_environment import THREADS


class Surroundings(BaseModel):
    """What a run ran on.

    Attributes:
        library: version of Sundbench.
        commit: its commit, where it runs from a checkout; ``+changed`` when files differ from it.
        lock: SHA-256 over the installed packages' names and versions.
        python: version of Python.
        processor: the processor's name.
        blas: each linear algebra library, its version and the kernel that it chose for the processor.
        threads: settings that decide how sums are split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: str
    commit: str | None
    lock: str
    python: str
    processor: str
    blas: tuple[str, ...]
    threads: dict[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """Describe this machine and installation."""
        return cls(
            library=version("sundbench"),
            commit=_commit(),
            lock=_lock(),
            python=platform.python_version(),
            processor=_processor(),
            blas=_blas(),
            threads=dict(THREADS),
        )

    def differences(self, other: Surroundings) -> list[str]:
        """What differs, one line each; empty when nothing does."""
        return [
            f"{field}: was {getattr(self, field)}, is {getattr(other, field)}"
            for field in type(self).model_fields
            if getattr(self, field) != getattr(other, field)
        ]


def _commit() -> str | None:
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", "sundbench")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+changed" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()  # noqa: S603 - fixed arguments


def _lock() -> str:
    installed = sorted(
        {f"{d.name.lower().replace('_', '-')}=={d.version}" for d in distributions() if d.name}
    )
    return hashlib.sha256("\n".join(installed).encode()).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _blas() -> tuple[str, ...]:
    import numpy as np  # noqa: F401 - its library must be loaded to be found
    import scipy.linalg  # noqa: F401 - so must SciPy's
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    found = {
        f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip()
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    return tuple(sorted(found))
