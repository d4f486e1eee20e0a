"""Where the log's processes meet: the socket, and the secret of those who may register others."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sundbench.aside import make_once
from sundbench.errors import AuditError
from sundbench.site import Site


def socket_path(site: Site) -> Path:
    """The writer's socket.

    It stands in a folder of its own: sandboxes mount the *folder*. A socket that is mounted itself stays the
    old one when the writer is started again, and nobody listens at it any more.
    """
    return site.runtime / "audit" / "audit.sock"


@contextmanager
def readable(site: Site) -> Iterator[None]:
    """Say in one line that this account may not read the log, its anchors or its key.

    Raises:
        AuditError: it may not.
    """
    try:
        yield
    except PermissionError as error:
        raise AuditError(
            f"{error.filename or site.audit}: {error.strerror}: run as the account that owns the audit log"
        ) from error


def digest(secret: str) -> str:
    """What is registered and kept of a secret: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def authority(site: Site) -> str:
    """The secret with which the hub registers others and records on their behalf; made at first use.

    Raises:
        AuditError: others than the owner can read its file, or it can't be read or made.
    """
    path = site.hub / "audit-authority"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_once(path, f"{secrets.token_urlsafe(32)}\n".encode("ascii"))
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise AuditError(f"{path} must be a file that its owner alone can read: chmod 600, and a new one")
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise AuditError(f"{path}: {reason}: run as the account that the hub runs as") from error
    if len(secret) < 32:
        raise AuditError(f"{path} holds no secret: delete it and start the hub again")
    return secret


def prepare_socket(site: Site) -> Path:
    """Make the folders that the socket stands in, and see that nobody else can get at it.

    Returns:
        The socket's path; nothing is there.

    Raises:
        AuditError: the runtime folder is another's, or open to others.
    """
    path = socket_path(site)
    try:
        site.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = site.runtime.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise AuditError(
                f"{site.runtime} must be a folder of this account alone: remove it, or chmod 700"
            )
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}: the audit log's socket can't be made") from error
    return path
