"""Whom the writer knows: the digests of secrets, and in whose name each of them records.

Kept in a file beside the log, so that servers go on when the writer is started again. It holds digests only:
who reads it can't record with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sundbench import aside
from sundbench.errors import AuditError

_FILE = "registered.json"


@dataclass(frozen=True)
class Registration:
    """In whose name a secret records.

    Attributes:
        actor: user name.
        permit, extract: the project, and its extract's digest.
        actions: what it may record.
    """

    actor: str
    permit: str | None
    extract: str | None
    actions: tuple[str, ...]


class Registrations:
    """The secrets that are known.

    Args:
        folder: the log's.

    Raises:
        AuditError: the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        try:
            content = json.loads(self._path.read_bytes())
            self._known = {
                digest: Registration(**{**one, "actions": tuple(one["actions"])})
                for digest, one in content.items()
            }
        except FileNotFoundError:
            self._known = {}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise AuditError(
                f"{self._path} is damaged: delete it and start all servers again: they register anew"
            ) from None

    def __len__(self) -> int:
        return len(self._known)

    def find(self, digest: str) -> Registration | None:
        """Whose secret has that digest."""
        return self._known.get(digest)

    def add(self, digest: str, registration: Registration) -> None:
        """Know a secret from now on; an earlier registration of the same one is replaced.

        Raises:
            AuditError: the file can't be written; nothing changes.
        """
        self._keep({**self._known, digest: registration})

    def remove(self, digest: str) -> None:
        """Know a secret no more.

        Raises:
            AuditError: as `add`.
        """
        self._keep({known: one for known, one in self._known.items() if known != digest})

    def _keep(self, known: Mapping[str, Registration]) -> None:
        content = json.dumps({digest: asdict(one) for digest, one in known.items()}, indent=1)
        try:
            aside.write(self._path, content + "\n", mode=0o600, sync=True)
        except OSError as error:
            raise AuditError(f"{self._path}: {error.strerror}: nobody can be registered now") from error
        self._known = dict(known)
