"""Files that are made at first use, by whichever process comes first: keys and secrets."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_once(path: Path, content: bytes) -> None:
    """Put a file in place for its owner alone, whole, unless another process was quicker.

    Args:
        path: where; its folder is there.
        content: what it holds if it is made now.

    Raises:
        OSError: it can't be made.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # A link, unlike a rename, never replaces what another process made meanwhile.
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
