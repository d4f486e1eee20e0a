"""The section ``[workspace]`` of the operator's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sundbench.hub.section import Section, Size


class WorkspaceSettings(Section):
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
