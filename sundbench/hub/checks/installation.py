"""What an installation holds: secrets, people, projects, the audit log."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from sundbench.errors import HubError, SundbenchError
from sundbench.governance import database as governance
from sundbench.governance import people, permits
from sundbench.governance.audit.places import readable
from sundbench.governance.audit.verify import verify
from sundbench.governance.models import PermitState, Role
from sundbench.hub import passwords
from sundbench.hub.checks.finding import Finding
from sundbench.hub.oidc.provider import client_secret
from sundbench.hub.settings import Settings
from sundbench.site import Site


def modes(site: Site, _settings: Settings) -> Iterator[Finding]:
    """Nobody else reads secrets."""
    secret = [
        site.hub,
        site.hub / "secrets",
        *(site.hub / "secrets").glob("*"),
        *(
            site.hub / name
            for name in ("passwords.json", "identities.json", "audit-authority", "demonstration.json")
        ),
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


def vault_key(site: Site, settings: Settings) -> Iterator[Finding]:
    """The hub's account can't read the vault's key."""
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


def database(site: Site, settings: Settings) -> Iterator[Finding]:
    """Somebody can log in, and projects have data."""
    file = make_url(site.database_url)
    if file.get_backend_name() == "sqlite" and not Path(file.database or "").exists():
        yield Finding("note", "there is no database yet", "the first command that needs it makes it")
        return
    try:
        with governance.reading(site) as session:
            everyone = people.everyone(session)
            active = [one.permit.id for one in permits.every(session) if one.state is PermitState.ACTIVE]
    except SundbenchError as error:
        yield Finding("error", str(error))
        return
    known = {person.user for person in everyone}
    if not settings.oidc.used:
        yield from _passwords(site, known)
    if not any(Role.ADMIN in person.roles for person in everyone):
        yield Finding("note", "nobody has the role admin")
    for one in active:
        if not any((site.extracts / one).glob("*/extract.json")):
            yield Finding("note", f"project {one} has no extract", f"sundbench extract {one} --freeze FREEZE")


def _passwords(site: Site, known: set[str]) -> Iterator[Finding]:
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


def provider(site: Site, settings: Settings) -> Iterator[Finding]:
    """The identity provider can be asked, and demands enough."""
    if not settings.oidc.used:
        if settings.site.profile == "slurm" and not settings.site.demonstration:
            yield Finding(
                "warning", "people log in with passwords kept here", "name an identity provider in [oidc]"
            )
        return
    try:
        client_secret(site)
    except HubError as error:
        yield Finding("error", str(error))
    if not settings.oidc.second_factor:
        yield Finding(
            "warning",
            "no second factor is demanded of those who log in",
            "name levels in oidc.acr, or methods in oidc.amr",
        )


def anchors(site: Site, _settings: Settings) -> Iterator[Finding]:
    """The audit log's anchors are elsewhere."""
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


def audit_log(site: Site, _settings: Settings) -> Iterator[Finding]:
    """The audit log is whole."""
    if not site.audit.exists() and not site.anchors.exists():
        yield Finding("note", "there is no audit log yet", "the first start begins it")
        return
    try:
        with readable(site):
            found = verify(site)
    except SundbenchError as error:
        yield Finding("error", str(error))
        return
    for problem in found.problems:
        yield Finding("error", f"the audit log is not what its writer left: {problem.where}: {problem.what}")
    if not found.problems:
        yield Finding("note", f"the audit log is whole: {found.records:,} records, {found.anchors:,} anchors")
