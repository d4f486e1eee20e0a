"""Small files of JSON that hub and commands share: one writes at a time, others never see half of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sundbench import aside
from sundbench.errors import HubError
from sundbench.hub.runtime import private


def read(file: Path, mend: str) -> dict[str, Any]:
    """What a file holds; nothing where it isn't there.

    Args:
        file: which.
        mend: what the operator can do about a damaged one.

    Raises:
        HubError: it is damaged.
    """
    if not file.exists():
        return {}
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HubError(f"{file}: can't be read: {mend}") from error
    return content


def write(file: Path, content: dict[str, Any]) -> None:
    """Put new content in a file's place, for its owner alone."""
    aside.write(file, json.dumps(content, indent=1, sort_keys=True), mode=0o600)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Be the only one who changes a file, for as long as the block takes."""
    with aside.alone(private(file.parent) / f".{file.stem}.lock"):
        yield
