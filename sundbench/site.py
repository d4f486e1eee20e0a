"""Where an installation of Sundbench keeps its things."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """The folders and the database of one installation.

    Attributes:
        root: the folder that holds everything but the database server.
        database_url: SQLAlchemy URL of governance's database.
        vault_key_file: file with the vault's key, or None where no key was given. Only processes that
            freeze or extract are given it.
        anchors_folder: of the audit log, where it is another than the environment says.
    """

    root: Path
    database_url: str
    vault_key_file: Path | None = None
    anchors_folder: Path | None = None

    @classmethod
    def from_environment(cls, root: Path | None = None) -> Site:
        """Read the site from the environment.

        Args:
            root: overrides ``SUNDBENCH_HOME`` (default: ``sundbench-home`` in the working directory).

        Returns:
            The site. ``SUNDBENCH_DATABASE`` gives another database than SQLite in the root, and
            ``SUNDBENCH_VAULT_KEY_FILE`` the vault's key.
        """
        home = (root or Path(os.environ.get("SUNDBENCH_HOME", "sundbench-home"))).resolve()
        key_file = os.environ.get("SUNDBENCH_VAULT_KEY_FILE")
        return cls(
            root=home,
            database_url=os.environ.get("SUNDBENCH_DATABASE", f"sqlite:///{home / 'sundbench.db'}"),
            vault_key_file=Path(key_file) if key_file else None,
        )

    @property
    def freezes(self) -> Path:
        """National, immutable data versions, one folder each."""
        return self.root / "freezes"

    @property
    def vault(self) -> Path:
        """Encrypted links between persons, the national index and pseudonyms; and quarantined rows."""
        return self.root / "vault"

    @property
    def extracts(self) -> Path:
        """One folder a permit, in it one a freeze."""
        return self.root / "extracts"

    @property
    def runs(self) -> Path:
        """One folder a run: executed notebook, manifest, outbox."""
        return self.root / "runs"

    @property
    def releases(self) -> Path:
        """Released outputs, one folder a release."""
        return self.root / "releases"

    @property
    def reports(self) -> Path:
        """Published reports."""
        return self.root / "reports"

    @property
    def hub(self) -> Path:
        """The hub's settings, database, secrets and logs."""
        return self.root / "hub"

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.root / "audit"

    @property
    def anchors(self) -> Path:
        """Signed heads of the audit log; ``SUNDBENCH_ANCHORS`` puts them where the log's writer only adds."""
        return self.anchors_folder or Path(os.environ.get("SUNDBENCH_ANCHORS") or self.root / "anchors")

    @property
    def workspaces(self) -> Path:
        """One folder a permit: the notebooks that its members share."""
        return self.root / "workspaces"

    @property
    def histories(self) -> Path:
        """One folder a permit: the versions of its workspace, where no sandbox reaches them."""
        return self.root / "histories"

    @property
    def scratch(self) -> Path:
        """One folder a permit, in it one a user: what kernels write for themselves."""
        return self.root / "scratch"

    @property
    def outboxes(self) -> Path:
        """One folder a permit, in it one a user: what kernels would like to let out."""
        return self.root / "outboxes"

    @property
    def synthetic(self) -> Path:
        """One folder a permit: invented persons in the shape of its extract."""
        return self.root / "synthetic"

    @property
    def owner(self) -> int:
        """The number of the account whose the hub is; this process's where none has begun yet."""
        try:
            return self.hub.stat().st_uid
        except OSError:
            return os.geteuid()

    @property
    def runtime(self) -> Path:
        """Sockets of running processes. Short: the path of a Unix socket is at most 108 bytes.

        Below ``SUNDBENCH_RUNTIME`` (default ``/tmp``), and not in ``XDG_RUNTIME_DIR``: that is removed when
        its owner logs out, and differs between a log-in, a service and a cron job. Root finds the hub's.
        """
        own = self.owner if os.geteuid() == 0 else os.getuid()
        name = f"sundbench-{own}-{hashlib.sha256(str(self.root).encode()).hexdigest()[:8]}"
        return Path(os.environ.get("SUNDBENCH_RUNTIME") or "/tmp") / name  # noqa: S108 - made 0700, owner checked
