"""Project quotas: the file system's own limit on what a folder holds (ext4 and xfs, set by root).

A project is a number that files carry and that new files take from their folder; the file system counts its
blocks and refuses more (kernel: linux/fs.h, linux/quota.h; ``man 2 quotactl``).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import stat
import struct
from pathlib import Path

_GET_ATTRIBUTES, _SET_ATTRIBUTES = 0x801C581F, 0x401C5820  # FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR
# struct fsxattr: flags, extent size, extents, project, cow extent size
_ATTRIBUTES = struct.Struct("=IIIII8x")
_INHERIT = 0x200  # FS_XFLAG_PROJINHERIT
_SET_QUOTA = (0x800008 << 8) | 2  # Q_SETQUOTA for projects
_QUOTA = struct.Struct("=QQQQQQQQI4x")  # struct if_dqblk
_BLOCKS, _INODES = 1, 4  # QIF_BLIMITS, QIF_ILIMITS
_SMALLEST_FILE = 4096  # bytes that a file is taken to need, for the limit on their number


def device(folder: Path) -> str | None:
    """The device whose file system holds a folder and enforces project quotas; None where none does."""
    number = folder.stat().st_dev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, source, options = after.split(" ", 2)
        enforced = {"prjquota", "pquota"} & set(options.split(","))
        if before.split(" ")[2] == wanted and kind in {"ext4", "xfs"} and enforced:
            return source
    return None


def possible(folder: Path) -> bool:
    """Whether ``hold`` could work: root, and a file system that enforces project quotas."""
    return os.geteuid() == 0 and device(folder) is not None


def hold(folder: Path, size: int) -> bool:
    """Let the file system hold a folder at a size, in bytes, and at one file for each 4 KiB of it.

    Returns:
        Whether it does; if not, nothing has changed that matters.
    """
    if os.geteuid() != 0 or (source := device(folder)) is None:
        return False
    project = (
        int.from_bytes(hashlib.sha256(bytes(folder.resolve())).digest()[:4], "big") % (2**31 - 1000) + 1000
    )
    try:
        _mark(folder, project)
        _set(source, project, size)
    except OSError:
        return False
    return True


def _set(source: str, project: int, size: int) -> None:
    quotas = _QUOTA.pack(size // 1024, 0, 0, max(16, size // _SMALLEST_FILE), 0, 0, 0, 0, _BLOCKS | _INODES)
    library = ctypes.CDLL(None, use_errno=True)
    if library.quotactl(_SET_QUOTA, source.encode(), project, quotas) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), source)


def _mark(folder: Path, project: int) -> None:
    """Give the folder and all that it holds the project's number."""
    for _, _, files, directory in os.fwalk(folder):  # by descriptors: links don't lead elsewhere
        _mark_one(directory, project, _INHERIT)
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # whoever works there may delete meanwhile
                if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                    continue
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
                try:
                    _mark_one(file, project, 0)
                finally:
                    os.close(file)


def _mark_one(file: int, project: int, flag: int) -> None:
    held = bytearray(_ATTRIBUTES.size)
    fcntl.ioctl(file, _GET_ATTRIBUTES, held)
    flags, extent, extents, before, cow = _ATTRIBUTES.unpack(held)
    if (before, flags & flag) != (project, flag):
        fcntl.ioctl(file, _SET_ATTRIBUTES, _ATTRIBUTES.pack(flags | flag, extent, extents, project, cow))
