"""What an operator decides: ``<home>/hub/settings.toml``, checked against one schema.

hub_config/settings.toml lists every setting with its default and says what it does; a site copies it and
changes what it must. A site without the file has the defaults: one machine, reachable from itself alone.
"""

from __future__ import annotations

import re
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sundbench.errors import HubError, one_line
from sundbench.hub.database import DatabaseSettings
from sundbench.hub.oidc.settings import OidcSettings
from sundbench.hub.proxy.settings import TlsSettings
from sundbench.registers.catalogue import Text
from sundbench.site import Site

_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(KiB|MiB|GiB|TiB)")


def _bytes(value: object) -> object:
    """Read ``"4 GiB"`` as bytes; whole numbers are bytes already."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f"write a size as a number and one of {', '.join(_UNITS)}, such as 4 GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def _four(address: str) -> str:
    """Refuse what the proxy and its addresses were never tried with."""
    if ":" in address:
        raise ValueError(
            "IPv6 is not supported: listen on an IPv4 address; the TLS proxy in front may have both"
        )
    return address


Size = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
"""Bytes; written as ``"512 MiB"``."""
Port = Annotated[int, Field(ge=1, le=65535)]

_LEAST_MEMORY = 16 * 2**20
"""What `sundbench.sandbox.policy.Limits` takes; less is told when settings are read, not at every start."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteSettings(_Section):
    """What the site is.

    Attributes:
        profile: which of hub_config/profiles composes the deployment.
        name: what the pages call the installation.
        demonstration: everything in it is invented; pages and checks say so.
    """

    profile: Literal["local", "slurm"] = "local"
    name: Text = Text(da="Sundbench", en="Sundbench")
    demonstration: bool = False


class HubSettings(_Section):
    """How the hub is reached, and how many servers start at once.

    Attributes:
        address: where the proxy listens; anything but this machine itself needs TLS in front of it.
        port: the one port that browsers use.
        proxy_port, hub_port: this machine's own: the proxy's API and the hub behind the proxy.
        public_url: how browsers reach it where something stands in front, such as ``https://hub.site.dk/``.
        starts_at_once: servers that start at the same time; the others queue.
        start_timeout: seconds that a start may take, the wait in the queue not counted.
    """

    address: Annotated[str, AfterValidator(_four)] = "127.0.0.1"
    port: Port = 8000
    proxy_port: Port = 8001
    hub_port: Port = 8081
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+/$")
    starts_at_once: int = Field(default=4, ge=1)
    start_timeout: int = Field(default=120, ge=10)

    @property
    def url(self) -> str:
        """What to type into a browser."""
        return self.public_url or f"http://{self.address}:{self.port}/"


class IdleSettings(_Section):
    """When what nobody uses is stopped; a kernel that computes is in use.

    Attributes:
        kernel_minutes: a kernel that has computed nothing for so long.
        server_minutes: a server without kernels and without anyone looking.
        session_hours: after so long people log in again.
    """

    kernel_minutes: int = Field(default=120, ge=1)
    server_minutes: int = Field(default=60, ge=1)
    session_hours: float = Field(default=12, gt=0)


class KernelSettings(_Section):
    """What one kernel may use; whether a limit is hard or soft here, ``sundbench hub check`` says.

    Attributes:
        per_server: kernels that one server may have at once.
        memory: bytes.
        cores: processors' worth of time; Dask starts as many workers.
        processes: processes and threads.
        cpu_seconds: processor time until the kernel is ended; 0: no end.
        file_size: bytes of the largest file it may write.
        disk: bytes in scratch, and in the outbox.
        tmp: bytes in its own ``/tmp``.
        r: offer the R kernel; ``"auto"``: where R and IRkernel are installed.
    """

    per_server: int = Field(default=4, ge=1)
    memory: Size = Field(default=4 * 2**30, ge=_LEAST_MEMORY)
    cores: float = Field(default=2, gt=0)
    processes: int = Field(default=512, ge=32)
    cpu_seconds: int = Field(default=0, ge=0)
    file_size: Size = Field(default=8 * 2**30, ge=2**20)
    disk: Size = Field(default=20 * 2**30, ge=2**20)
    tmp: Size = Field(default=512 * 2**20, ge=2**20)
    r: bool | Literal["auto"] = "auto"


class ServerSettings(_Section):
    """What one Jupyter server may use and pass on.

    Attributes:
        memory: bytes.
        processes: processes and threads.
        upload_size: bytes of the largest file of code that may be uploaded.
        output_size: bytes of output that one execution may send to the browser.
    """

    memory: Size = Field(default=2**30, ge=_LEAST_MEMORY)
    processes: int = Field(default=128, ge=32)
    upload_size: Size = Field(default=5 * 2**20, ge=2**17)  # the server may write files of 8 times that
    output_size: Size = Field(default=16 * 2**20, ge=1)


class WorkspaceSettings(_Section):
    """The notebooks that a project's members share.

    Attributes:
        quota: bytes a project.
        warn_at: share of the quota from which on a message is shown.
        keep_days: days that a workspace is kept, read-only, after its permit's end; then it is deleted.
        backup: folder outside the installation to which workspaces are copied each day; None: the site
            backs up.
        backups: copies of a workspace that are kept.
    """

    quota: Size = 2 * 2**30
    warn_at: float = Field(default=0.8, gt=0, le=1)
    keep_days: int = Field(default=365, ge=30)
    backup: Path | None = None
    backups: int = Field(default=14, ge=1)


class AuditSettings(_Section):
    """The audit log.

    Attributes:
        anchor_seconds, anchor_records: a head is anchored after so long, or so many records.
    """

    anchor_seconds: int = Field(default=10, ge=1)
    anchor_records: int = Field(default=1000, ge=1)


class DashboardSettings(_Section):
    """Dashboards over released outputs.

    Attributes:
        enabled: run the service.
        port: this machine's own.
        kernels: dashboards that may be opened at once; a kernel ends when its page is drawn.
        open_seconds: a dashboard that isn't drawn after so long is given up.
    """

    enabled: bool = True
    port: Port = 8090
    kernels: int = Field(default=8, ge=1)
    open_seconds: int = Field(default=120, ge=5)


class RunSettings(_Section):
    """What each job of a run (``sundbench run --on slurm``) may have; a run may ask for less.

    Attributes:
        partition: of the cluster; None: the servers'.
        cores: processors of one job.
        memory: bytes of one job.
        minutes: for which a run may last; its permit's last day may end it before.
        workers: jobs over which a run may spread its work, beside its own.
    """

    partition: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._,-]{1,64}$")
    cores: int = Field(default=2, ge=1)
    memory: Size = Field(default=8 * 2**30, ge=2**30)
    minutes: int = Field(default=1440, ge=1)
    workers: int = Field(default=16, ge=0, le=200)


class SlurmSettings(_Section):
    """What each server's job asks of Slurm, in the profile ``slurm``.

    Attributes:
        partition: of the cluster; None: Slurm's default.
        charge: whom Slurm's accounting charges; None: the default of the project's account.
        cores: processors of one server, its kernels included.
        memory: bytes of one server, its kernels included.
        minutes: for which a server may run; its permit's last day may end it before.
        queue_minutes: for which a start waits in Slurm's queue before it is given up.
        hub_host: the name or address by which nodes reach the hub's machine; None: its own full name.
        audit_port: the port of the audit log's gateway, at which nodes record.
        run: what the jobs of runs ask for.
    """

    partition: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._,-]{1,64}$")
    charge: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    cores: int = Field(default=2, ge=1)
    memory: Size = Field(default=8 * 2**30, ge=2**28)
    minutes: int = Field(default=600, ge=1)
    queue_minutes: int = Field(default=30, ge=1)
    hub_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,253}$")
    audit_port: Port = 8082
    run: RunSettings = RunSettings()

    @property
    def host(self) -> str:
        """By what nodes reach the hub's machine."""
        return self.hub_host or socket.getfqdn()


class Settings(_Section):
    """Everything that an operator decides, one section each."""

    site: SiteSettings = SiteSettings()
    hub: HubSettings = HubSettings()
    idle: IdleSettings = IdleSettings()
    kernel: KernelSettings = KernelSettings()
    server: ServerSettings = ServerSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    audit: AuditSettings = AuditSettings()
    dashboards: DashboardSettings = DashboardSettings()
    oidc: OidcSettings = OidcSettings()
    database: DatabaseSettings = DatabaseSettings()
    tls: TlsSettings = TlsSettings()
    slurm: SlurmSettings = SlurmSettings()

    @property
    def ports(self) -> dict[str, int]:
        """The ports that must be free on this machine, by what they are for."""
        ports = {"hub.port": self.hub.port, "hub.proxy_port": self.hub.proxy_port}
        ports["hub.hub_port"] = self.hub.hub_port
        if self.dashboards.enabled:
            ports["dashboards.port"] = self.dashboards.port
        if self.site.profile == "slurm":
            ports["slurm.audit_port"] = self.slurm.audit_port
        return ports

    @model_validator(mode="after")
    def _ports_apart(self) -> Self:
        if len(set(self.ports.values())) < len(self.ports):
            raise ValueError(f"{', '.join(self.ports)} must differ")
        return self

    @model_validator(mode="after")
    def _reached_by_tls(self) -> Self:
        if (self.tls.used or self.tls.subdomains) and not self.hub.url.startswith("https://"):
            raise ValueError("tls: name the site's address in hub.public_url, with https://")
        return self

    @model_validator(mode="after")
    def _room_for_a_kernel(self) -> Self:
        if self.site.profile == "slurm" and self.slurm.memory < self.server.memory + self.kernel.memory:
            raise ValueError("slurm.memory must hold a server and a kernel: server.memory + kernel.memory")
        return self


def path(site: Site) -> Path:
    """Where the operator's settings are."""
    return site.hub / "settings.toml"


def read(site: Site) -> Settings:
    """Read the operator's settings; where there are none, the defaults.

    Raises:
        HubError: the file can't be read, isn't TOML, or has a setting that is unknown or wrong.
    """
    file = path(site)
    if not file.exists():
        return Settings()
    return parse(file)


def parse(file: Path) -> Settings:
    """Read settings from a file.

    Relative paths in it are relative to its folder.

    Raises:
        HubError: as `read`.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        settings = Settings.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise HubError(f"{file}: {reason}: copy hub_config/settings.toml there, or remove it") from error
    except tomllib.TOMLDecodeError as error:
        raise HubError(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise HubError(one_line(error, str(file))) from error
    return _resolved(settings, file.resolve().parent)


def _resolved(settings: Settings, folder: Path) -> Settings:
    changed: dict[str, object] = {"tls": settings.tls.below(folder)}
    if settings.workspace.backup is not None:
        backup = folder / settings.workspace.backup
        changed["workspace"] = settings.workspace.model_copy(update={"backup": backup})
    return settings.model_copy(update=changed)
