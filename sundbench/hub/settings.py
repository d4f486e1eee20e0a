"""What an operator decides: ``<home>/hub/settings.toml``, checked against one schema.

hub_config/settings.toml lists every setting with its default and says what it does; a site copies it and
changes what it must. A site without the file has the defaults: one machine, reachable from itself alone.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from sundbench.errors import HubError, one_line
from sundbench.hub.dashboards.settings import DashboardSettings
from sundbench.hub.database import DatabaseSettings
from sundbench.hub.oidc.settings import OidcSettings
from sundbench.hub.proxy.settings import TlsSettings
from sundbench.hub.section import Section
from sundbench.hub.site_settings import HubSettings, SiteSettings
from sundbench.hub.slurm.settings import SlurmSettings
from sundbench.hub.usage_settings import IdleSettings, KernelSettings, ServerSettings
from sundbench.hub.workspaces.settings import WorkspaceSettings
from sundbench.site import Site


class AuditSettings(Section):
    """The audit log.

    Attributes:
        anchor_seconds, anchor_records: a head is anchored after so long, or so many records.
    """

    anchor_seconds: int = Field(default=10, ge=1)
    anchor_records: int = Field(default=1000, ge=1)


class Settings(Section):
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
