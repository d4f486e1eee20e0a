"""The folder of sockets, and the hub's secrets: what only the hub's own account may reach.

``<runtime>/audit.sock`` is the audit writer's; ``<runtime>/s/<8 hex>/`` belongs to one server, and in it
``k/<8 hex>/`` to one kernel. Secrets are files in ``<home>/hub/secrets``, one each, made at first use.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from sundbench.aside import make_once
from sundbench.errors import HubError
from sundbench.site import Site

SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket on Linux, without the final zero (unix(7))."""
_LONGEST = "s/01234567/k/01234567/control-65535"


def prepare(site: Site) -> Path:
    """Make the runtime folder, or check the one that is there.

    Returns:
        The folder: 0700, this account's own, short enough for the sockets below it.

    Raises:
        HubError: its path is too long, or something else or somebody else's is in its place.
    """
    folder = site.runtime
    if len(os.fsencode(folder / _LONGEST)) > SOCKET_PATH_BYTES:
        raise HubError(f"{folder}: too long a path for sockets: set SUNDBENCH_RUNTIME to a shorter folder")
    private(folder)
    private(folder / "s")
    return folder


def private(folder: Path) -> Path:
    """Make a folder that this account alone may enter, or check the one that is there.

    Raises:
        HubError: it is a link, a file, somebody else's, or open to others and can't be closed.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise HubError(
            f"{folder}: {error.strerror}: remove what is there, or choose another place"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise HubError(f"{folder}: not this account's own folder: remove it, or ask whom it belongs to")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def secret(site: Site, name: str) -> str:
    """Read one of the hub's secrets: 64 hexadecimal digits, made at first use.

    Args:
        site: the installation.
        name: what it is for, such as ``cookie``.

    Raises:
        HubError: the file can be read by others, or is empty.
    """
    path = private(private(site.hub) / "secrets") / name
    if not path.exists():
        make_once(path, secrets.token_hex(32).encode("ascii"))
    if path.stat().st_mode & 0o077:
        raise HubError(f"{path}: others can read it: remove it, and the next start makes a new one")
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise HubError(f"{path}: empty: remove it, and the next start makes a new one")
    return text
