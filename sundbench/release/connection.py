"""How a kernel is reached: Unix sockets in a folder of its own, and the key that signs its messages."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSIDE = Path("/run/kernel")
"""Where a kernel in its sandbox sees the folder."""

FILE = "connection.json"
_SOCKETS = "c"
_CHANNELS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@dataclass(frozen=True)
class Connection:
    """One kernel's sockets and key.

    Attributes:
        key: signs messages; known to the kernel and its client alone.
        name: what the kernel is called in its connection file.
    """

    key: str
    name: str

    @classmethod
    def new(cls, name: str) -> Connection:
        """A connection with a key of its own."""
        return cls(key=secrets.token_hex(32), name=name)

    def seen_from(self, folder: Path | str) -> dict[str, Any]:
        """What a connection file says, for one who sees the sockets' folder there.

        Args:
            folder: where they see it. With transport ipc, a socket's path is ``<ip>-<port>``.
        """
        return {
            "transport": "ipc",
            "ip": f"{folder}/{_SOCKETS}",
            **{channel: number for number, channel in enumerate(_CHANNELS, start=1)},
            "key": self.key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": self.name,
        }

    def write(self, folder: Path, seen: Path = INSIDE) -> Path:
        """Write the kernel's connection file beside its sockets.

        Args:
            folder: where it is written.
            seen: where the kernel sees that folder.

        Returns:
            The file's path for the kernel.
        """
        path = folder / FILE
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self.seen_from(seen), file)
        return seen / FILE
