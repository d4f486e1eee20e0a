"""Signed statements of segments that were removed when their time was over; the chain goes through them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.signing import Signer

_NAME = re.compile(r"audit-(\d{6,})\.retired\.json")


@dataclass(frozen=True)
class Statement:
    """What a segment was.

    Attributes:
        log: the log's id.
        segment: its number.
        first, sequence: of its first and its last record.
        previous: digest of the line before its first.
        digest: of its last line.
        since, until: moments of its first and its last record.
        sha256: of the file.
        retired, by: when it was removed, and who asked for it.
    """

    log: str
    segment: int
    first: int
    sequence: int
    previous: str
    digest: str
    since: datetime
    until: datetime
    sha256: str
    retired: datetime
    by: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"audit-{self.segment:06d}.retired.json"

    def content(self) -> dict[str, Any]:
        """As JSON, which is what is signed."""
        moments = {name: getattr(self, name).isoformat() for name in ("since", "until", "retired")}
        return {**self.__dict__, **moments}

    def signed(self, by: Signer) -> bytes:
        """The statement's file."""
        content = self.content()
        return json.dumps({"retired": content, "signature": by.sign(content)}, indent=1).encode() + b"\n"


def statements(folder: Path, by: Signer) -> list[Statement]:
    """The statements beside a log, oldest first.

    Raises:
        AuditError: one is not as it was signed, or one between them is missing.
    """
    found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else []
    read: list[Statement] = []
    for path in found:
        statement = _read(path, by)
        if statement is None:
            raise AuditError(f"{path} is not as it was signed: put it back")
        if statement.name != path.name or not _follows(read[-1] if read else None, statement):
            raise AuditError(f"{path}: the statement of the segment before it is missing: put it back")
        read.append(statement)
    return read


def _read(path: Path, by: Signer) -> Statement | None:
    try:
        signed = json.loads(path.read_bytes())
        content = dict(signed["retired"])
        if not by.signed(content, str(signed["signature"])):
            return None
        for name in ("since", "until", "retired"):
            content[name] = datetime.fromisoformat(content[name])
        return Statement(**content)
    except (ValueError, KeyError, TypeError):
        return None


def _follows(before: Statement | None, after: Statement) -> bool:
    if before is None:
        return (after.segment, after.first) == (1, 1)
    return (after.segment, after.first, after.previous, after.log) == (
        before.segment + 1,
        before.sequence + 1,
        before.digest,
        before.log,
    )
