"""A job's folder of sockets on its node, and those of jobs of its account that were killed.

A job holds a lock on its folder for as long as it lives, however it ends: a folder without one is left over,
and the account's next job on the node removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.runtime import SOCKET_PATH_BYTES

PREFIX = "sb-"
_LONGEST = "k/01234567/control-65535"


@contextlib.contextmanager
def folder_on_the_node(base: Path) -> Iterator[Path]:
    """A folder of this job's own, with a path that is short enough for sockets.

    Raises:
        HubError: the folder that was named for it isn't there, or its path is too long.
    """
    try:
        _remove_left_over(base)
        folder, held = _made(base)
    except OSError as error:
        raise HubError(f"{base}: {error.strerror}: give every node such a folder") from error
    try:
        if len(os.fsencode(folder / _LONGEST)) > SOCKET_PATH_BYTES:
            raise HubError(
                f"{folder}: too long a path for sockets: set SUNDBENCH_RUNTIME to a shorter folder"
            )
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _made(base: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        held = _locked(folder)
        if held is not None and folder.is_dir():
            return folder, held
        if held is not None:  # another job has taken it for left over, before it was locked
            os.close(held)


def _remove_left_over(base: Path) -> None:
    for entry in os.scandir(base):
        with contextlib.suppress(FileNotFoundError):
            own = entry.stat(follow_symlinks=False).st_uid == os.getuid()
            if not (own and entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)):
                continue
            held = _locked(Path(entry.path))
            if held is not None:
                shutil.rmtree(entry.path, ignore_errors=True)
                os.close(held)


def _locked(folder: Path) -> int | None:
    """Lock a folder; None where another job holds it, or it is gone."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held
