"""The pair of key and certificate of one start."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from typing import Any

from certipy import Certipy  # type: ignore[import-untyped]

from sundbench.hub.server_names import certified
from sundbench.hub.slurm.letter import Identity

AUTHORITY = "notebooks-ca"
"""JupyterHub's name for who signs servers' certificates."""


def signed(spawner: Any, name: str) -> dict[str, str]:
    """Make a pair, in the hub's own folder.

    Args:
        spawner: whose server is about to start.
        name: the start's own, of `server_names`.
    """
    whose = hashlib.sha256(spawner._log_name.encode()).hexdigest()[:16]
    made = Certipy(store_dir=spawner.internal_certs_location).create_signed_pair(
        f"server-{whose}",
        AUTHORITY,
        years=1,
        alt_names=[alternative(certified(name))],
        overwrite=True,
    )
    return {
        "keyfile": made["files"]["key"],
        "certfile": made["files"]["cert"],
        "cafile": spawner.internal_trust_bundles[AUTHORITY],
    }


def read_away(paths: dict[str, str]) -> Identity:
    """Read a pair, and remove the files: the job's is the only copy of its key."""
    key, certificate = Path(paths["keyfile"]), Path(paths["certfile"])
    identity = Identity(
        key=key.read_text(encoding="ascii"),
        certificate=certificate.read_text(encoding="ascii"),
        authority=Path(paths["cafile"]).read_text(encoding="ascii"),
    )
    key.unlink()
    certificate.unlink()
    return identity


def alternative(host: str) -> str:
    """A machine's name or address, as a certificate has it."""
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
