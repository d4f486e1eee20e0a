"""Folders change hands between root, who starts sandboxes, and the account that programs run under inside."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

ACCOUNT = 65533
"""User and group that processes have inside, whoever started the sandbox.

Nobody's: Debian and systemd give it to no one. 65534, the usual nobody, is that of other programs too, which
could then meddle with sandboxes; higher numbers are missing in many containers.
"""


def hand_over(path: Path) -> None:
    """Give a folder with all that it holds, or a socket, to the sandboxes' account. For root alone.

    Others start sandboxes under their own account, to which nothing needs to be given.

    Args:
        path: the folder. What it holds may change meanwhile, by a hostile hand: links are not followed.
    """
    if os.geteuid() != 0:
        return
    if not path.is_dir():
        os.chown(path, ACCOUNT, ACCOUNT, follow_symlinks=False)
        return
    for _, _, files, directory in os.fwalk(path):
        at = os.fstat(directory)
        if (at.st_uid, at.st_gid) != (ACCOUNT, ACCOUNT):
            os.fchown(directory, ACCOUNT, ACCOUNT)
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                at = os.stat(name, dir_fd=directory, follow_symlinks=False)
                # A file with two names may have one outside this folder.
                if (at.st_uid, at.st_gid) != (ACCOUNT, ACCOUNT) and at.st_nlink == 1:
                    os.chown(name, ACCOUNT, ACCOUNT, dir_fd=directory, follow_symlinks=False)


def readable(path: Path) -> bool:
    """Whether programs in a sandbox may read a folder or file of root's, by its mode."""
    if os.geteuid() != 0:
        return os.access(path, os.R_OK)
    at = path.stat()
    needed = 0o5 if path.is_dir() else 0o4
    shift = 6 if at.st_uid == ACCOUNT else 3 if at.st_gid == ACCOUNT else 0
    return (at.st_mode >> shift) & needed == needed
