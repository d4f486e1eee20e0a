"""A file's bytes through a named pipe: how DuckDB is given CSV files that are not compressed.

DuckDB 2.0 keeps the pieces of a plain file in memory that it may take away when memory is short, meaning to
read them again. With several threads at work that goes wrong: a piece may be taken between being found and
being held, which ends the whole database with an internal error; and a piece of a file in Latin-1 is read
again from the wrong place, so that rows are lost without a word. Pieces that came through a pipe can't be
read again, so DuckDB never takes them away (nor those of a compressed file): neither can happen.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sundbench.errors import DeliveryError

_PIECE = 16 * 1024 * 1024
_PIPE = 1024 * 1024  # what the kernel holds of it: the most that it gives without privileges
_PATIENCE = 0.05  # seconds between looks at whether the reader has gone


@contextmanager
def fed(path: Path, folder: Path) -> Iterator[Path]:
    """A pipe that gives a file's bytes once, to one reader, within the block.

    Args:
        path: the file.
        folder: where the pipe is made and removed; nobody else may read it.

    Yields:
        The pipe's path.

    Raises:
        DeliveryError: the file could not be read to its end.
        RuntimeError: the block ended well, but without reading the pipe to its end: a bug.
    """
    pipe = folder / f"{secrets.token_hex(8)}.pipe"
    os.mkfifo(pipe, 0o600)
    feeder = _Feeder(path, pipe)
    feeder.start()
    try:
        yield pipe
    finally:
        feeder.stop.set()
        feeder.join()
        pipe.unlink()
        if feeder.failure is not None:
            reason = feeder.failure.strerror or "it became shorter"
            raise DeliveryError(f"{path.name}: can't be read to its end: {reason}") from None
    if not feeder.whole:
        raise RuntimeError(f"{path.name}: was not read to its end")


class _Feeder(threading.Thread):
    """Writes a file into a pipe; gives up when told to, whether or not there is a reader."""

    def __init__(self, path: Path, pipe: Path) -> None:
        super().__init__(name=f"feed {path.name}", daemon=True)
        self._path, self._pipe = path, pipe
        self.stop = threading.Event()
        self.whole = False
        self.failure: OSError | None = None

    def run(self) -> None:
        """Pass the bytes on."""
        try:
            with self._path.open("rb") as file:
                out = self._opened()
                if out is None:
                    return
                try:
                    self.whole = self._passed(file.fileno(), out)
                finally:
                    os.close(out)
        except BrokenPipeError:  # the reader left: its own error says why
            return
        except OSError as error:
            self.failure = error

    def _opened(self) -> int | None:
        """The pipe's end to write to, as soon as there is a reader; None if told to stop before."""
        while True:
            with suppress(OSError):  # no reader yet
                return os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            if self.stop.wait(0.001):
                return None

    def _passed(self, file: int, out: int) -> bool:
        with suppress(OSError):  # more than this user may have: then the usual size
            fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, _PIPE)
        room = select.poll()
        room.register(out, select.POLLOUT)
        size, sent = os.fstat(file).st_size, 0
        while sent < size:
            try:
                passed = os.sendfile(out, file, sent, min(_PIECE, size - sent))
            except BlockingIOError:
                if not room.poll(_PATIENCE * 1000) and self.stop.is_set():
                    return False
                continue
            if not passed:
                raise OSError
            sent += passed
        return True
