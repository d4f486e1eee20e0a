"""What is missing or unsafe, said before anything starts.

An error keeps the hub from starting; a warning names what a protected site must mend and a demonstration may
live with; a note is to be known. The clock's deviation can't be checked from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sundbench.errors import HubError
from sundbench.hub.checks import cluster, encryption, installation, machine
from sundbench.hub.checks.finding import Finding
from sundbench.hub.settings import Settings, read
from sundbench.site import Site

_LOOKS: tuple[Callable[[Site, Settings], Iterator[Finding]], ...] = (
    machine.packages,
    machine.sandbox,
    machine.kernels,
    machine.runtime,
    machine.ports,
    machine.address,
    encryption.certificate,
    installation.modes,
    machine.account,
    installation.vault_key,
    installation.database,
    installation.provider,
    machine.disk,
    machine.machine,
    installation.anchors,
    cluster.cluster,
)


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
        finding
        for look in (*_LOOKS, *([installation.audit_log] if thorough else []))
        for finding in look(site, settings)
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
