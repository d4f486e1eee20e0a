"""``sundbench synthesize``."""

from __future__ import annotations


def synthesize() -> None:
    """Not yet written."""
