"""A full disk, said in one line."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sundbench.errors import ReleaseError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Do something that writes, and clean up after itself when that fails.

    Args:
        what: what is written, for the message.

    Raises:
        ReleaseError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ReleaseError(f"{what}: the disk is full; nothing was kept: make room and try again") from error
