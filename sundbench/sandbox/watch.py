"""Watch over limits that the kernel doesn't hold by itself, and tidy up after sandboxes that have ended."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

_EVERY = 0.2
"""Seconds between two looks."""

Look = Callable[[], bool]
"""Looks at one sandbox; says whether to look again."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_looks: list[Look] = []
_thread: tuple[int, threading.Thread] | None = None  # with the process that started it: forks lose threads


def watch(look: Look) -> None:
    """Call ``look`` five times a second until it says that it is enough.

    One thread looks after all sandboxes of a process.
    """
    global _thread  # noqa: PLW0603 - one thread a process
    with _lock:
        _looks.append(look)
        if _thread is None or _thread[0] != os.getpid() or not _thread[1].is_alive():
            thread = threading.Thread(target=_watch, name="sandboxes-watch", daemon=True)
            _thread = (os.getpid(), thread)
            thread.start()


def _watch() -> None:
    global _thread  # noqa: PLW0603
    while True:
        with _lock:
            if not _looks:
                _thread = None
                return
            looks = list(_looks)
        for look in looks:
            try:
                again = look()
            except Exception:
                # A bug in one look must not leave the other sandboxes without limits.
                _log.exception("a sandbox could not be looked after")
                again = True
            if not again:
                with _lock:
                    _looks.remove(look)
        time.sleep(_EVERY)
