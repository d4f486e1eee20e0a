"""How long work tells of itself, wherever it is done and whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Called as ``report(what, done, total)``, from any thread; total 0 means unknown."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""
