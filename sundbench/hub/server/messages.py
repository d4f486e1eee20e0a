"""Messages from a browser to a kernel: which there may be, and what the audit log must know of them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1

from sundbench.governance.audit.actions import Action

ALLOWED = {
    "shell": {
        "comm_close",
        "comm_info_request",
        "comm_msg",
        "comm_open",
        "complete_request",
        "execute_request",
        "history_request",
        "inspect_request",
        "is_complete_request",
        "kernel_info_request",
    },
    "control": {
        "create_subshell_request",
        "debug_request",
        "delete_subshell_request",
        "interrupt_request",
        "kernel_info_request",
        "list_subshell_request",
    },
    "stdin": {"input_reply"},
}
"""By channel. Missing: ``shutdown_request`` (kernels are stopped through the server), a kernel's old
``apply_request``, and ``execute_request`` anywhere but where executions are counted."""

_RECORDED = {
    "comm_msg": Action.COMM,
    "comm_open": Action.COMM,
    "debug_request": Action.DEBUG,
    "execute_request": Action.EXECUTE,
    "input_reply": Action.INPUT,
}


class NoMessageError(ValueError):
    """What came isn't a message that a kernel may get; says why."""


@dataclass(frozen=True)
class Message:
    """A message from a browser, read.

    Attributes:
        channel: shell, control or stdin.
        header, parent, metadata, content: its parts.
        buffers: binary parts, of widgets.
    """

    channel: str
    header: dict[str, Any]
    parent: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: tuple[bytes, ...]

    @property
    def kind(self) -> str:
        """Its type, such as ``execute_request``."""
        return str(self.header["msg_type"])

    @property
    def id(self) -> str:
        """Its id, to which the kernel's answers refer."""
        return str(self.header["msg_id"])

    def parts(self) -> list[bytes]:
        """What the kernel gets: written from what was read, so that nobody reads it in another way.

        A repeated key, say, is code that one reader sees and another doesn't.
        """
        texts = (self.header, self.parent, self.metadata, self.content)
        return [*(json.dumps(text, allow_nan=False).encode() for text in texts), *self.buffers]

    def record(self) -> tuple[Action, dict[str, object]] | None:
        """The action and detail to record before the kernel gets it; None where there is nothing to know."""
        action = _RECORDED.get(self.kind)
        if action is None:
            return None
        detail: dict[str, object] = {"message": self.id}
        if action is Action.EXECUTE:
            detail["code"] = self.content["code"]
            if self.content.get("user_expressions"):
                detail["expressions"] = self.content["user_expressions"]
            cell = self.metadata.get("cellId")
            if isinstance(cell, str):
                detail["cell"] = cell[:100]
        else:
            detail["content"] = self.content
        return action, detail


def read(received: str | bytes, *, v1: bool) -> Message:
    """Read what came through a websocket.

    Args:
        received: as it came.
        v1: in the protocol ``v1.kernel.websocket.jupyter.org``; else JSON.

    Raises:
        NoMessageError: it isn't a message, or none that a kernel may get.
    """
    try:
        channel, parts, buffers = _v1(received) if v1 else _json(received)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise NoMessageError("not a kernel message") from error
    if any(not isinstance(part, dict) for part in parts):
        raise NoMessageError("not a kernel message")
    header, parent, metadata, content = parts
    message = Message(channel, header, parent, metadata, content, tuple(buffers))
    kind = message.header.get("msg_type")
    if not isinstance(message.header.get("msg_id"), str) or not isinstance(kind, str):
        raise NoMessageError("a message without type or id")
    if kind not in ALLOWED.get(channel, set()):
        raise NoMessageError(f"no {kind[:50]} on {channel[:20]} here")
    if kind == "execute_request" and not isinstance(message.content.get("code"), str):
        raise NoMessageError("an execution without code")
    return message


def _v1(received: str | bytes) -> tuple[str, list[Any], list[bytes]]:
    if isinstance(received, str):
        raise NoMessageError("text where the protocol is binary")
    # Jupyter's reader counts up to whatever number the message begins with.
    if not 6 <= int.from_bytes(received[:8], "little") <= len(received) // 8:
        raise NoMessageError("not a kernel message")
    channel, raw = deserialize_msg_from_ws_v1(received)
    if len(raw) < 4:
        raise NoMessageError("a message with parts missing")
    return channel, [json.loads(part) for part in raw[:4]], raw[4:]


def _json(received: str | bytes) -> tuple[str, list[Any], list[bytes]]:
    if isinstance(received, bytes):
        raise NoMessageError("binary messages need the protocol v1")
    message = json.loads(received)
    names = ("header", "parent_header", "metadata", "content")
    return message.get("channel") or "shell", [message.get(name) or {} for name in names], []
