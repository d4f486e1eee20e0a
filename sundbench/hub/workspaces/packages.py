"""The packages that kernels have, with their versions; read on the disk, without any network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

R_LIBRARIES = (
    Path("/usr/lib/R/library"),
    Path("/usr/lib/R/site-library"),
    Path("/usr/local/lib/R/site-library"),
)
"""Where Debian's R looks for packages."""

_FIELD = re.compile(r"^(Package|Version): *(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One package.

    Attributes:
        language: ``Python`` or ``R``.
        name, version: as it calls itself.
    """

    language: str
    name: str
    version: str


def packages(r_libraries: tuple[Path, ...] = R_LIBRARIES) -> list[Package]:
    """What is installed for this Python and for R, by language and name."""
    found = {
        Package("Python", one.metadata["Name"], one.version)
        for one in distributions()
        if one.metadata["Name"]
    }
    for library in r_libraries:
        for description in library.glob("*/DESCRIPTION"):
            fields = dict(_FIELD.findall(description.read_text(encoding="utf-8", errors="replace")))
            if fields.keys() == {"Package", "Version"}:
                found.add(Package("R", fields["Package"], fields["Version"]))
    return sorted(found, key=lambda one: (one.language, one.name.lower()))


def normal(name: str) -> str:
    """A name by which packages are compared: Python's rule (PEP 503), which R's names bear too."""
    return re.sub(r"[-_.]+", "-", name).lower()
