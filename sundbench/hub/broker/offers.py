"""Which kernels one server may start, and with what: its assignment read together with ``kernels/``.

Register data and synthetic data never share a writable folder: what a register kernel writes can't turn up in
a kernel whose outputs are kept in notebooks and whose screen is shared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.assignment import Assignment, Extract
from sundbench.release.connection import FILE, INSIDE
from sundbench.sandbox.policy import Policy, read

KERNELSPEC = "kernel.json"
POLICY = "policy.toml"
REGISTER, SYNTHETIC, R_REGISTER = "register-data", "synthetic-data", "r-register-data"


@dataclass(frozen=True)
class Offer:
    """One kind of kernel that a server may start.

    Attributes:
        name: of its policy and kernelspec.
        folder: its content: kernelspec, policy and logos.
        policy: what it may see and use.
        argv: its command inside the sandbox.
        mounts: the folders that its policy names, but for the sockets, which are each kernel's own.
        environment: what it knows of its surroundings, beside what its policy says.
        digest: of the data that it reads.
    """

    name: str
    folder: Path
    policy: Policy
    argv: tuple[str, ...]
    mounts: Mapping[str, Path]
    environment: Mapping[str, str]
    digest: str

    def require_data(self) -> None:
        """See that the data are those which the server was started with.

        Raises:
            HubError: they were removed, or replaced by others, while the server ran.
        """
        try:
            about = json.loads((self.mounts["extract"] / "extract.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            about = None
        if not isinstance(about, dict) or about.get("digest") != self.digest:
            raise HubError(
                "the project's data were removed or replaced since this server started: stop the server and "
                "start it again; if that doesn't help, ask the project's steward"
            )


def offers(assignment: Assignment, kernels: Path) -> dict[str, Offer]:
    """The kernels that a server may start, by name.

    Args:
        assignment: the server's.
        kernels: the folder with one folder a kind of kernel.

    Raises:
        HubError: a kernelspec is missing or wrong.
        SandboxError: a policy is.
    """
    data: dict[str, Extract] = {}
    if assignment.extract is not None:
        data[REGISTER] = assignment.extract
        if assignment.r:
            data[R_REGISTER] = assignment.extract
    if assignment.synthetic is not None:
        data[SYNTHETIC] = assignment.synthetic
    return {name: _offer(assignment, kernels / name, given) for name, given in data.items()}


def _offer(assignment: Assignment, folder: Path, data: Extract) -> Offer:
    kind = SYNTHETIC if folder.name == SYNTHETIC else REGISTER
    return Offer(
        name=folder.name,
        folder=folder,
        policy=read(folder / POLICY),
        argv=_command(folder / KERNELSPEC),
        mounts={
            "extract": data.folder,
            "notebooks": assignment.workspace,
            "scratch": assignment.scratch / kind,
            "outbox": assignment.outbox / kind,
        },
        environment={
            "SUNDBENCH_PROJECT": assignment.permit,
            "SUNDBENCH_KERNEL": folder.name,
            "TZ": "Europe/Copenhagen",
            # Dask fills in the variable. Its own link leads to a port that only the kernel sees.
            "DASK_DISTRIBUTED__DASHBOARD__LINK": assignment.address
            + "sundbench/dask/{SUNDBENCH_KERNEL_ID}/status",
            "IPYTHONDIR": "/tmp/ipython",  # noqa: S108 - the sandbox's own
        },
        digest=data.digest,
    )


def _command(kernelspec: Path) -> tuple[str, ...]:
    """The command that a kernelspec of the repository gives, with its placeholders filled."""
    try:
        argv = json.loads(kernelspec.read_text(encoding="utf-8"))["argv"]
        filled = {"{python}": sys.executable, "{connection_file}": str(INSIDE / FILE)}
        return tuple(filled.get(part, part) for part in argv)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HubError(
            f"{kernelspec}: missing or not a kernelspec: restore it from the repository"
        ) from error
