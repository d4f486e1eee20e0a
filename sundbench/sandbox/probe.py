"""Whether sandboxes work here, by making one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from sundbench.errors import SandboxError
from sundbench.sandbox.program import bubblewrap


@dataclass(frozen=True)
class Probe:
    """What a trial showed.

    Attributes:
        works: whether a sandbox could be made.
        version: bubblewrap's, or None where there is none.
        why: why it doesn't work, and what to do; None when it does.
    """

    works: bool
    version: str | None
    why: str | None


def probe() -> Probe:
    """Make a sandbox and see whether it works."""
    try:
        path = bubblewrap()
    except SandboxError as error:
        return Probe(works=False, version=None, why=str(error))
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
    return Probe(works=True, version=said.stdout.split()[-1], why=None)
