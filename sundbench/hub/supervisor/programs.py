"""What the supervisor runs: how each program is started, and when it is ready."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from sundbench.errors import AuditError, HubError, ReleaseError
from sundbench.governance.audit import client, places
from sundbench.hub.runtime import private
from sundbench.hub.settings import Settings, read
from sundbench.hub.supervisor.table import MARK
from sundbench.release import content
from sundbench.site import Site

HUB = "hub"
GATEWAY = "audit gateway"
AUDIT = "audit writer"
_SECRETS_OF_OTHERS = ("SUNDBENCH_VAULT_KEY_FILE",)
"""Variables that no process of the hub may have."""


@dataclass(frozen=True)
class Program:
    """One program.

    Attributes:
        name: what people call it.
        command: program and arguments.
        environment: all of it.
        folder: its working directory.
        log: where its output goes.
        ready: says whether it does its work now; quick.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    ready: Callable[[], bool]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own; its output is added to its log."""
        with self.log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603 - the supervisor's own command
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )


def programs(site: Site) -> list[Program]:
    """What an installation runs, in the order of starting.

    Raises:
        HubError: the settings are wrong, or hub_config is not where it should be.
    """
    settings = read(site)
    folder = private(site.hub)
    logs = private(folder / "logs")
    environment = surroundings(site)
    return [
        Program(
            AUDIT,
            [
                *(sys.executable, "-m", "sundbench.governance.audit.writer"),
                *("--anchor-seconds", str(settings.audit.anchor_seconds)),
                *("--anchor-records", str(settings.audit.anchor_records)),
            ],
            environment,
            folder,
            logs / "audit.log",
            lambda: audit_answers(site),
        ),
        Program(
            HUB,
            [sys.executable, "-m", "jupyterhub", "--config", str(configuration())],
            environment,
            folder,
            logs / "hub.log",
            lambda: hub_answers(settings),
        ),
        *([_gateway(settings, environment, folder)] if settings.site.profile == "slurm" else []),
    ]


def _gateway(settings: Settings, environment: Mapping[str, str], folder: Path) -> Program:
    """Where jobs on a cluster's nodes record; it needs certificates that the hub makes at its first start."""
    command = [sys.executable, "-m", "sundbench.hub.audit_gateway"]
    port = settings.slurm.audit_port
    return Program(
        GATEWAY, command, environment, folder, folder / "logs" / "audit-gateway.log", lambda: accepts(port)
    )


def accepts(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2):
            return True
    except OSError:
        return False


def surroundings(site: Site) -> dict[str, str]:
    """The environment of the hub's processes: this one's, the site's own names, and no one else's secrets."""
    inherited = {name: value for name, value in os.environ.items() if name not in _SECRETS_OF_OTHERS}
    return inherited | {
        "SUNDBENCH_HOME": str(site.root),
        "SUNDBENCH_DATABASE": site.database_url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        MARK: str(site.root),
    }


def configuration() -> Path:
    """JupyterHub's configuration file.

    Raises:
        HubError: it isn't where it should be.
    """
    try:
        file = content.hub_config() / "jupyterhub_config.py"
    except ReleaseError as error:
        raise HubError(str(error)) from error
    if not file.is_file():
        raise HubError(f"{file} is not there: set SUNDBENCH_HUB_CONFIG to the folder hub_config")
    return file


def audit_answers(site: Site) -> bool:
    """Whether the audit writer answers."""
    try:
        with client.Client(places.socket_path(site), places.authority(site), timeout=2) as asked:
            asked.state()
    except AuditError:
        return False
    return True


def hub_answers(settings: Settings) -> bool:
    """Whether the hub answers through its proxy."""
    host = "127.0.0.1" if settings.hub.address in {"", "0.0.0.0"} else settings.hub.address  # noqa: S104 - read
    port = settings.hub.port
    asking = (
        HTTPSConnection(host, port, timeout=2, context=_unchecked())
        if settings.tls.used
        else HTTPConnection(host, port, timeout=2)
    )
    try:
        # By its own name: where persons have hosts of their own, the hub is on no other.
        asking.request("GET", "/hub/health", headers={"Host": urlsplit(settings.hub.url).netloc})
        return asking.getresponse().status == 200
    except (HTTPException, OSError):
        return False
    finally:
        asking.close()


def _unchecked() -> ssl.SSLContext:
    """TLS with whoever answers at this machine's own address, which is in no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
