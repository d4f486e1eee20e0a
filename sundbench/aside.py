"""Files and folders that are there whole or not at all: made aside, then renamed into their place.

What is made aside has a name that was drawn. A process's number isn't enough of one: threads share it, and
hosts that share a file system count each for itself.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

_FILE, _FOLDER = ".part", ".making"


def name(path: Path) -> Path:
    """A hidden name beside a path, and nobody else's."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{_FILE}")


@contextmanager
def file(path: Path, *, mode: int, sync: bool = False) -> Iterator[BinaryIO]:
    """Write a file that takes its place when the block ends; if that fails nothing is left of it.

    Args:
        path: its place; what is there is replaced, and a link is replaced, not followed.
        mode: with which it is made, less the umask.
        sync: whether it is on the disk when the block has ended, its name too.
    """
    with _made(path, mode, sync, os.replace) as made:
        yield made


def write(path: Path, content: bytes | str, *, mode: int, sync: bool = False) -> None:
    """Put content in a file's place, as `file` does; text as UTF-8."""
    with file(path, mode=mode, sync=sync) as made:
        made.write(content.encode() if isinstance(content, str) else content)


def make_once(path: Path, content: bytes) -> None:
    """Put a file in place for its owner alone, whole, unless another was quicker.

    Raises:
        OSError: it can't be made.
    """
    # A link, unlike a rename, never replaces what another has made meanwhile.
    with suppress(FileExistsError), _made(path, 0o600, False, os.link) as made:
        made.write(content)


@contextmanager
def _made(path: Path, mode: int, sync: bool, put: Callable[[Path, Path], None]) -> Iterator[BinaryIO]:
    aside = name(path)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as made:
            yield made
            if sync:
                made.flush()
                os.fsync(made.fileno())
        put(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    if sync:
        sync_folder(path.parent)


@contextmanager
def folder(path: Path, *, mode: int = 0o777) -> Iterator[Path]:
    """Make a folder beside a path; what the block doesn't rename is removed at its end.

    Args:
        path: where the folder is to stand in the end.
        mode: with which it is made, less the umask.
    """
    host = socket.gethostname()
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}-{os.getpid()}-{host}{_FOLDER}")
    made.mkdir(mode=mode)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sweep(path: Path) -> None:
    """Remove the folders that killed processes of this host have left beside a path."""
    for left in path.parent.glob(f".{escape(path.name)}.*-*-*{_FOLDER}"):
        drawn = left.name.removeprefix(f".{path.name}.").removesuffix(_FOLDER)
        _, process, host = drawn.split("-", 2)
        if host == socket.gethostname() and not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Be the only one, of threads and processes that name the same lock, for as long as the block takes.

    Args:
        lock: a file, made for its owner alone where it isn't there. It stays: who removed it could let in
            another beside the one who waits for it.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Have a folder's list of files on the disk: what was made or renamed in it is there after a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
