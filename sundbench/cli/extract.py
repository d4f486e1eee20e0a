"""``sundbench extract``."""

from __future__ import annotations


def extract() -> None:
    """Not yet written."""
