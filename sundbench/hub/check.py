"""What is missing or unsafe, said before anything starts.

An error keeps the hub from starting; a warning names what a protected site must mend and a demonstration may
live with; a note is to be known. The clock's deviation can't be checked from here.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import fields as fields_of
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sqlalchemy import make_url

from sundbench.errors import HubError, ReleaseError, SundbenchError
from sundbench.governance import database, people, permits
from sundbench.governance.audit.verify import verify
from sundbench.governance.models import PermitState, Role
from sundbench.hub import passwords, r, runtime
from sundbench.hub.broker.offers import KERNELSPEC, POLICY, REGISTER, SYNTHETIC
from sundbench.hub.settings import Settings, read
from sundbench.hub.supervisor import notes, programs, table
from sundbench.hub.workspaces import git
from sundbench.release import content
from sundbench.sandbox.enforcement import available
from sundbench.sandbox.probe import probe
from sundbench.site import Site

Level = Literal["error", "warning", "note"]
_GIB = 2**30
_LITTLE, _TOO_LITTLE = 10 * _GIB, _GIB // 2


@dataclass(frozen=True)
class Finding:
    """One thing to know.

    Attributes:
        level: error, warning or note.
        what: what is so.
        do: what to do; empty for what need not be mended.
    """

    level: Level
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.do}" if self.do else self.what


def check(site: Site, *, thorough: bool = True) -> list[Finding]:
    """Look at everything.

    Args:
        site: the installation.
        thorough: read the whole audit log too, which may take minutes.

    Returns:
        What was found, errors first.
    """
    try:
        settings = read(site)
    except HubError as error:
        return [Finding("error", str(error))]
    found = [
        finding for look in (*_LOOKS, *([_audit_log] if thorough else [])) for finding in look(site, settings)
    ]
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.level))


def refuse(findings: list[Finding]) -> None:
    """Refuse to start with an error.

    Raises:
        HubError: the first error, and how many more there are.
    """
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: sundbench hub check)" if len(errors) > 1 else ""
        raise HubError(f"{errors[0]}{more}")


def _packages(_site: Site, _settings: Settings) -> Iterator[Finding]:
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


def _sandbox(site: Site, _settings: Settings) -> Iterator[Finding]:
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


def _kernels(_site: Site, settings: Settings) -> Iterator[Finding]:
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


def _ports(site: Site, settings: Settings) -> Iterator[Finding]:
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


def _address(_site: Site, settings: Settings) -> Iterator[Finding]:
    try:
        own = ipaddress.ip_address(settings.hub.address).is_loopback
    except ValueError:
        own = settings.hub.address == "localhost"
    if not own and not settings.hub.url.startswith("https://"):
        yield Finding(
            "error",
            f"the hub would be reached without TLS at {settings.hub.address}",
            "put a TLS proxy in front and name it in hub.public_url, or listen on 127.0.0.1",
        )


def _modes(site: Site, _settings: Settings) -> Iterator[Finding]:
    secret = [
        site.hub,
        site.hub / "secrets",
        *(site.hub / "secrets").glob("*"),
        *(site.hub / name for name in ("passwords.json", "audit-authority", "demonstration.json")),
        site.root / "keys" / "manifest.key",
        site.vault,
        *_vault_keys(site),
    ]
    for path in secret:
        mode = _mode(path)
        if mode is not None and mode & 0o077:
            right = "700" if stat.S_ISDIR(mode) else "600"
            yield Finding("error", f"others can read {path}", f"chmod {right} {path}")


def _mode(path: Path) -> int | None:
    """A file's type and rights; None where it isn't there, or lies where this account may not look."""
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _vault_key(site: Site, settings: Settings) -> Iterator[Finding]:
    readable = [path for path in _vault_keys(site) if os.access(path, os.R_OK)]
    if not readable:
        return
    what = f"the hub's account can read the vault's key {readable[0]}"
    if settings.site.demonstration:
        do = "in a demonstration everything runs under one account, so this is not a protected site"
    else:
        do = "freeze and extract under another account, which alone can read the key"
    yield Finding("warning", what, do)


def _vault_keys(site: Site) -> list[Path]:
    named = {site.root / "vault.key", *([site.vault_key_file] if site.vault_key_file else [])}
    return sorted(path for path in named if (mode := _mode(path)) is not None and stat.S_ISREG(mode))


def _account(_site: Site, _settings: Settings) -> Iterator[Finding]:
    if os.getuid() == 0:
        yield Finding("warning", "the hub would run as root", "give it an account of its own, without log-in")


def _database(site: Site, _settings: Settings) -> Iterator[Finding]:
    file = make_url(site.database_url)
    if file.get_backend_name() == "sqlite" and not Path(file.database or "").exists():
        yield Finding("note", "there is no database yet", "the first command that needs it makes it")
        return
    try:
        with database.reading(site) as session:
            everyone = people.everyone(session)
            active = [one.permit.id for one in permits.every(session) if one.state is PermitState.ACTIVE]
    except SundbenchError as error:
        yield Finding("error", str(error))
        return
    known = {person.user for person in everyone}
    open_to = passwords.users(site)
    if not known & open_to:
        yield Finding(
            "warning", "nobody can log in", "sundbench people add, then sundbench hub password USER"
        )
    if open_to - known:
        yield Finding(
            "warning",
            f"passwords of people who are not registered: {', '.join(sorted(open_to - known))}",
            "register them: sundbench people add",
        )
    if not any(Role.ADMIN in person.roles for person in everyone):
        yield Finding("note", "nobody has the role admin")
    for one in active:
        if not any((site.extracts / one).glob("*/extract.json")):
            yield Finding("note", f"project {one} has no extract", f"sundbench extract {one} --freeze FREEZE")


def _disk(site: Site, _settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(_existing(site.root)).free
    if free < _LITTLE:
        level: Level = "error" if free < _TOO_LITTLE else "warning"
        yield Finding(level, f"{free / _GIB:.1f} GiB are free at {site.root}", "make room")


def _machine(_site: Site, settings: Settings) -> Iterator[Finding]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if settings.kernel.memory > memory:
        yield Finding("warning", "one kernel may use more memory than there is", "lower kernel.memory")
    if settings.kernel.cores > (os.cpu_count() or 1):
        yield Finding("warning", "one kernel may use more processors than there are", "lower kernel.cores")


def _runtime(site: Site, _settings: Settings) -> Iterator[Finding]:
    try:
        runtime.prepare(site)
    except HubError as error:
        yield Finding("error", str(error))


def _anchors(site: Site, _settings: Settings) -> Iterator[Finding]:
    anchors = site.anchors.resolve()
    log = site.audit.resolve()
    if anchors.is_relative_to(log):
        yield Finding(
            "error", f"the audit log's anchors {anchors} are in the log's own folder", "set SUNDBENCH_ANCHORS"
        )
    elif anchors.is_relative_to(site.root.resolve()):
        yield Finding(
            "warning",
            "the audit log's anchors are in the installation's folder: who can change one can change both",
            "set SUNDBENCH_ANCHORS to a folder of another machine",
        )


def _audit_log(site: Site, _settings: Settings) -> Iterator[Finding]:
    if not site.audit.exists() and not site.anchors.exists():
        yield Finding("note", "there is no audit log yet", "the first start begins it")
        return
    try:
        found = verify(site)
    except SundbenchError as error:
        yield Finding("error", str(error))
        return
    for problem in found.problems:
        yield Finding("error", f"the audit log is not what its writer left: {problem.where}: {problem.what}")
    if not found.problems:
        yield Finding("note", f"the audit log is whole: {found.records:,} records, {found.anchors:,} anchors")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


_LOOKS: tuple[Callable[[Site, Settings], Iterator[Finding]], ...] = (
    _packages,
    _sandbox,
    _kernels,
    _runtime,
    _ports,
    _address,
    _modes,
    _account,
    _vault_key,
    _database,
    _disk,
    _machine,
    _anchors,
)
