"""Whether this machine has what the R kernel needs; found without starting R."""

from __future__ import annotations

from pathlib import Path

from sundbench.hub.settings import Settings

PROGRAM = Path("/usr/bin/R")
"""Debian's R, which the kernel's policy mounts."""
_LIBRARIES = (
    Path("/usr/local/lib/R/site-library"),
    Path("/usr/lib/R/site-library"),
    Path("/usr/lib/R/library"),
)
_KERNEL = "IRkernel"


def missing() -> tuple[str, ...]:
    """What the R kernel needs and this machine lacks, by Debian's package names."""
    lacks = () if PROGRAM.exists() else ("r-base-core",)
    if not any((library / _KERNEL / "DESCRIPTION").exists() for library in _LIBRARIES):
        lacks = (*lacks, "r-cran-irkernel")
    return lacks


def offered(settings: Settings) -> bool:
    """Whether projects are offered the R kernel: as the operator says, or where it can work."""
    return not missing() if settings.kernel.r == "auto" else settings.kernel.r
