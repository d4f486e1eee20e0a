"""How other processes have something recorded: ask the writer, and wait until the record is on the disk.

The writer knows from the secret who asks; what a client says of itself doesn't count. Whoever can't have its
doing recorded gets an `AuditError` and must not do it.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.audit.messages import Questions, WriterDownError, answered, encode


class Client(Questions[int]):
    """Asks the writer, and waits for its answer. May be shared between threads.

    Args:
        socket_path: the writer's socket (`places.socket_path`, or where a sandbox has it).
        secret: what was registered for this client, or the hub's authority (`places.authority`).
        timeout: seconds to wait for an answer.
    """

    def __init__(self, socket_path: Path, secret: str, *, timeout: float = 30) -> None:
        self._path = socket_path
        self._secret = secret
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._received = b""

    def state(self) -> dict[str, Any]:
        """How the log stands: ``log``, ``sequence``, ``anchored``, ``registered``, ``trouble``, ``pid``.

        Raises:
            AuditError: as everything that is asked.
        """
        return self._ask({"do": "state"})

    def retire(self, actor: str) -> list[str]:
        """Have segments removed whose time is over (`retention.retire`). Only with the hub's authority.

        Returns:
            The names of the statements that stand in their place.

        Raises:
            AuditError: as everything that is asked.
        """
        return [str(name) for name in self._ask({"do": "retire", "actor": actor})["retired"]]

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, message: dict[str, object]) -> int:
        return int(self._ask(message)["sequence"])

    def _ask(self, message: dict[str, object]) -> dict[str, Any]:
        sent = encode(message | {"id": 0, "secret": self._secret})
        with self._lock:
            # A connection that was open before may have ended with a writer that was started again since.
            # What that writer got and didn't acknowledge may come twice into the log; never not at all.
            fresh = self._connection is None
            try:
                answer = self._exchange(sent)
            except (ConnectionError, EOFError) as error:
                self._disconnect()
                if fresh:
                    raise WriterDownError from error
                try:
                    answer = self._exchange(sent)
                except (OSError, EOFError) as again:
                    self._disconnect()
                    raise WriterDownError from again
            except TimeoutError as error:
                self._disconnect()
                raise AuditError(f"the audit log's writer gave no answer in {self._timeout:g} s") from error
            except OSError as error:
                self._disconnect()
                raise WriterDownError from error
        return answered(answer)

    def _exchange(self, sent: bytes) -> bytes:
        if self._connection is None:
            self._connection = _connected(self._path, self._timeout)
        self._connection.sendall(sent)
        while b"\n" not in self._received:
            got = self._connection.recv(65536)
            if not got:
                raise EOFError
            self._received += got
        line, self._received = self._received.split(b"\n", 1)
        return line

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._received = None, b""


def _connected(path: Path, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection
