"""What may be asked of the log's writer, as it goes through its socket: a line of JSON, and one in answer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable
from typing import Any, Generic, TypeVar

from sundbench.errors import AuditError

_Placed = TypeVar("_Placed", int, Awaitable[int])

MESSAGE_BYTES = 1 << 20
"""A longer message is refused: a cell of code has its place in it, a file has not."""


class WriterDownError(AuditError):
    """Nobody listens at the writer's socket."""

    def __init__(self) -> None:
        super().__init__(
            "the audit log's writer is down, so nothing may be done now: see `sundbench hub status`"
        )


class UnrecordableError(AuditError):
    """The writer takes no such message, neither now nor later."""


class Questions(ABC, Generic[_Placed]):
    """What may be asked of the writer; `requests` reads it.

    Each returns the sequence number of the record, which is on the disk, or raises an `AuditError`: the
    writer is down or refuses. Then nothing is recorded, or nobody knows.
    """

    def record(self, action: str, object: str, /, **detail: object) -> _Placed:  # noqa: A002 - the log's own word
        """Have something recorded in the name that the secret stands for.

        Args:
            action: an `Action`, one of those that the secret may record.
            object: what it was done to: a kernel, a file, a server.
            detail: what else should be known; JSON values.
        """
        return self._place(_record(action, object, detail))

    def record_for(
        self,
        actor: str,
        action: str,
        object: str,  # noqa: A002
        /,
        *,
        permit: str | None = None,
        extract: str | None = None,
        detail: dict[str, object] | None = None,
    ) -> _Placed:
        """Have something recorded in another's name. Only with the hub's authority."""
        return self._place(_record(action, object, detail or {}) | _for(actor, permit, extract))

    def register(
        self,
        secret_digest: str,
        actor: str,
        permit: str | None,
        extract: str | None,
        actions: Iterable[str],
    ) -> _Placed:
        """Let the writer know a secret by its digest. Only with the hub's authority.

        Args:
            secret_digest: `places.digest` of the secret.
            actor: user name that will stand in the records.
            permit: the project that will stand in them.
            extract: the digest of the extract that will stand in them.
            actions: what may be recorded with it.
        """
        message: dict[str, object] = {"do": "register", "digest": secret_digest, "actions": sorted(actions)}
        return self._place(message | _for(actor, permit, extract))

    def forget(self, secret_digest: str) -> _Placed:
        """Let the writer forget a secret; one that it doesn't know is no error. With the hub's authority."""
        return self._place({"do": "forget", "digest": secret_digest})

    @abstractmethod
    def _place(self, message: dict[str, object]) -> _Placed:
        """Send a message, and give the sequence number of its record."""


def _record(action: str, thing: str, detail: dict[str, object]) -> dict[str, object]:
    return {"do": "record", "action": action, "object": thing, "detail": detail}


def _for(actor: str, permit: str | None, extract: str | None) -> dict[str, object]:
    return {"actor": actor, "permit": permit, "extract": extract}


def encode(message: dict[str, object]) -> bytes:
    """A message as it goes through the socket: one line of JSON.

    Raises:
        UnrecordableError: it is longer than `MESSAGE_BYTES`, or nothing that JSON knows.
    """
    try:
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise UnrecordableError("what JSON has no words for can't be recorded") from error
    if len(line) > MESSAGE_BYTES:
        raise UnrecordableError(
            f"{len(line):,} bytes are too much for one audit record (at most {MESSAGE_BYTES:,}): "
            "split the cell, or read the data from a file"
        )
    return line


def answered(line: bytes) -> dict[str, Any]:
    """The writer's answer.

    Raises:
        UnrecordableError: it refuses the message, whoever sends it whenever.
        AuditError: it can't now, or not from this sender.
    """
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise (UnrecordableError if reply.get("never") else AuditError)(str(reply["error"]))
    return reply
