"""What the machine must have for a hub, and what of it is unsafe."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import fields as fields_of
from importlib.util import find_spec
from pathlib import Path

from sundbench.errors import HubError, ReleaseError
from sundbench.hub import r
from sundbench.hub.broker.offers import KERNELSPEC, POLICY, REGISTER, SYNTHETIC
from sundbench.hub.checks.finding import Finding, Level
from sundbench.hub.runtime import prepare
from sundbench.hub.settings import Settings
from sundbench.hub.supervisor import notes, programs, table
from sundbench.hub.workspaces import git
from sundbench.release import content
from sundbench.sandbox.enforcement import available
from sundbench.sandbox.probe import probe
from sundbench.site import Site

_GIB = 2**30
_LITTLE, _TOO_LITTLE = 10 * _GIB, _GIB // 2


def packages(_site: Site, _settings: Settings) -> Iterator[Finding]:
    """What the hub needs is installed."""
    needed = (
        "jupyterhub",
        "jupyterlab",
        "configurable_http_proxy",
        "jupyter_server_proxy",
        "voila",
        "ipykernel",
        "bokeh",
    )
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        yield Finding(
            "error", f"not installed: {', '.join(missing)}", "pip install 'sundbench[hub]', or make install"
        )
    if not git.installed():
        why = "git is not installed, which keeps the workspaces' versions"
        yield Finding("error", why, "apt-get install git")
    try:
        programs.configuration()
    except HubError as error:
        yield Finding("error", str(error))


def sandbox(site: Site, _settings: Settings) -> Iterator[Finding]:
    """A sandbox can be made, and what holds its limits."""
    found = probe()
    if not found.works:
        yield Finding("error", f"no sandbox can be made: {found.why}")
        return
    yield Finding("note", f"sandboxes work: bubblewrap {found.version}")
    holding = available(*(folder for folder in (site.scratch, site.outboxes) if folder.is_dir()))
    for limit in fields_of(holding):
        how = getattr(holding, limit.name)
        text = f"limit on {limit.name.replace('_', ' ')}: {how}"
        if how.strength == "hard":
            yield Finding("note", text)
        else:
            yield Finding("warning", text, "docs/operators.md says what makes it hard")


def kernels(_site: Site, settings: Settings) -> Iterator[Finding]:
    """The kernels are whole."""
    try:
        folder = content.kernels()
    except ReleaseError as error:
        yield Finding("error", str(error))
        return
    for name in (REGISTER, SYNTHETIC):
        for file in (KERNELSPEC, POLICY):
            if not (folder / name / file).is_file():
                yield Finding(
                    "error", f"{folder / name / file} is not there", "restore it, or set SUNDBENCH_KERNELS"
                )
    lacks = ", ".join(r.missing())
    if lacks and settings.kernel.r is True:
        yield Finding("error", f"the R kernel needs {lacks}", f"apt-get install {lacks}, or set kernel.r")
    elif lacks:
        yield Finding("note", f"no R kernel: {lacks} not installed")


def ports(site: Site, settings: Settings) -> Iterator[Finding]:
    """The ports are free."""
    left = notes.read(site)
    if (left is not None and left.alive) or table.strays(site):
        yield Finding("note", "processes of this hub are up: its ports are not looked at")
        return
    for name, port in settings.ports.items():
        address = settings.hub.address if name == "hub.port" else "127.0.0.1"
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                yield Finding(
                    "error",
                    f"{address}:{port} can't be used: {error.strerror}",
                    f"stop what uses it, or set {name} in {site.hub / 'settings.toml'}",
                )


def address(_site: Site, settings: Settings) -> Iterator[Finding]:
    """Nobody reaches the hub without encryption."""
    try:
        own = ipaddress.ip_address(settings.hub.address).is_loopback
    except ValueError:
        own = settings.hub.address == "localhost"
    if not own and not settings.hub.url.startswith("https://"):
        yield Finding(
            "error",
            f"the hub would be reached without TLS at {settings.hub.address}",
            "set [tls], or put a TLS proxy in front, with hub.public_url; or listen on 127.0.0.1",
        )


def account(_site: Site, _settings: Settings) -> Iterator[Finding]:
    """The hub is not root."""
    if os.getuid() == 0:
        yield Finding("warning", "the hub would run as root", "give it an account of its own, without log-in")


def disk(site: Site, _settings: Settings) -> Iterator[Finding]:
    """There is room."""
    free = shutil.disk_usage(_existing(site.root)).free
    if free < _LITTLE:
        level: Level = "error" if free < _TOO_LITTLE else "warning"
        yield Finding(level, f"{free / _GIB:.1f} GiB are free at {site.root}", "make room")


def machine(_site: Site, settings: Settings) -> Iterator[Finding]:
    """The machine has what kernels may use."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if settings.kernel.memory > memory:
        yield Finding("warning", "one kernel may use more memory than there is", "lower kernel.memory")
    if settings.kernel.cores > (os.cpu_count() or 1):
        yield Finding("warning", "one kernel may use more processors than there are", "lower kernel.cores")


def runtime(site: Site, _settings: Settings) -> Iterator[Finding]:
    """Sockets have a safe place."""
    try:
        prepare(site)
    except HubError as error:
        yield Finding("error", str(error))


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
