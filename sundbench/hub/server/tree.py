"""A folder of files that users write, read without following a symbolic link anywhere on the way.

A path is walked from the folder's own descriptor, one name at a time, each opened with ``O_NOFOLLOW``: what
is opened is what was checked, however fast somebody exchanges a folder for a link in between. Devices, pipes,
sockets and files with a second name (a hard link may lead to anything on the same file system) are refused,
and names that begin with a dot are not there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotThereError(Exception):
    """No such file or folder, or none that may be seen."""


class IrregularError(Exception):
    """Neither a folder nor a file with one name: a link, a pipe, a device, a socket."""


@dataclass(frozen=True)
class Entry:
    """A file or folder.

    Attributes:
        path: names joined by ``/``, from the tree's root; ``""`` is the root.
        folder: whether it is a folder.
        size: bytes.
        modified: seconds since 1970.
        writable: whether the server may write it.
    """

    path: str
    folder: bool
    size: int
    modified: float
    writable: bool

    @property
    def name(self) -> str:
        """The last name of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Tree:
    """The files below one folder.

    Attributes:
        root: the folder.
    """

    root: Path

    def entry(self, path: str) -> Entry:
        """What stands at a path.

        Raises:
            NotThereError, IrregularError: as their names say.
        """
        names = parts(path)
        if not names:
            with self._folder([]) as here:
                return _entry("", os.fstat(here), os.access(".", os.W_OK, dir_fd=here))
        with self._folder(names[:-1]) as here:
            return _look(here, names)

    def inside(self, path: str) -> list[Entry]:
        """The files and folders in a folder, by name; what may not be seen is left out.

        Raises:
            NotThereError, IrregularError: as their names say.
        """
        names = parts(path)
        found = []
        with self._folder(names) as here:
            for name in sorted(os.listdir(here)):  # noqa: PTH208 - a descriptor has no path
                with contextlib.suppress(NotThereError, IrregularError):
                    found.append(_look(here, [*names, *parts(name)]))
        return found

    def read(self, path: str, most: int) -> bytes:
        """A file's content.

        Args:
            path: which file.
            most: bytes to read at most; one more is read, so that the caller sees that it is longer.

        Raises:
            NotThereError, IrregularError: as their names say.
        """
        names = parts(path)
        if not names:
            raise IrregularError(path)
        with self._folder(names[:-1]) as here:
            file = _open(names[-1], _FILE, here)
        with os.fdopen(file, "rb") as stream:
            _regular(os.fstat(file))
            return stream.read(most + 1)

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole, or not at all.

        Raises:
            NotThereError: the folder isn't there.
            IrregularError: something else than a file stands there.
        """
        names = parts(path)
        if not names:
            raise IrregularError(path)
        with self._folder(names[:-1]) as here:
            mode = 0o660
            with contextlib.suppress(NotThereError):
                if _look(here, names).folder:
                    raise IrregularError(path)
                mode = stat.S_IMODE(os.stat(names[-1], dir_fd=here, follow_symlinks=False).st_mode) & 0o666
            # Not by `sundbench.aside`: each folder on the way is held open, so that no link leads elsewhere.
            aside = f".~{secrets.token_hex(8)}"
            file = os.open(
                aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=here
            )
            try:
                with os.fdopen(file, "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.rename(aside, names[-1], src_dir_fd=here, dst_dir_fd=here)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(aside, dir_fd=here)
                raise

    def make_folder(self, path: str) -> None:
        """Make a folder; one that is there already is no error.

        Raises:
            NotThereError: the folder above isn't there.
            IrregularError: something else stands there.
        """
        names = parts(path)
        with self._folder(names[:-1]) as here:
            try:
                os.mkdir(names[-1], 0o770, dir_fd=here)
            except FileExistsError:
                if not _look(here, names).folder:
                    raise IrregularError(path) from None

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder.

        Raises:
            NotThereError, IrregularError: as their names say.
            OSError: the folder isn't empty (``ENOTEMPTY``).
        """
        names = parts(path)
        if not names:
            raise IrregularError(path)
        with self._folder(names[:-1]) as here:
            if _look(here, names).folder:
                os.rmdir(names[-1], dir_fd=here)
            else:
                os.unlink(names[-1], dir_fd=here)

    def move(self, path: str, to: str) -> None:
        """Give a file or folder another path, at which nothing may stand.

        Raises:
            NotThereError, IrregularError: as their names say.
            FileExistsError: something stands there.
        """
        names, new = parts(path), parts(to)
        if not names or not new:
            raise IrregularError(path)
        with self._folder(names[:-1]) as here, self._folder(new[:-1]) as there:
            _look(here, names)
            if _stands(there, new[-1]):
                raise FileExistsError(to)
            os.rename(names[-1], new[-1], src_dir_fd=here, dst_dir_fd=there)

    @contextlib.contextmanager
    def _folder(self, names: list[str]) -> Iterator[int]:
        """A descriptor of the folder to which the names lead."""
        here = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                inner = _open(name, _FOLDER, here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)


def parts(path: str) -> list[str]:
    """The names of a path.

    Raises:
        NotThereError: one of them is hidden, ``..`` or can't be a name.
    """
    names = [name for name in path.split("/") if name]
    for name in names:
        if name.startswith(".") or any(sign < " " or sign in "\x7f\\" for sign in name):
            raise NotThereError(path)
        try:
            length = len(name.encode())
        except UnicodeEncodeError as error:
            raise NotThereError(path) from error
        if length > 255:
            raise NotThereError(path)
    return names


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except (FileNotFoundError, PermissionError) as error:
        raise NotThereError(name) from error
    except OSError as error:  # a link (ELOOP), a file where a folder should be (ENOTDIR), a socket (ENXIO)
        raise IrregularError(name) from error


def _look(folder: int, names: list[str]) -> Entry:
    try:
        found = os.stat(names[-1], dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise NotThereError("/".join(names)) from error
    if not stat.S_ISDIR(found.st_mode):
        _regular(found)
    writable = os.access(names[-1], os.W_OK, dir_fd=folder)
    return _entry("/".join(names), found, writable)


def _stands(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise IrregularError


def _entry(path: str, found: os.stat_result, writable: bool) -> Entry:
    return Entry(path, stat.S_ISDIR(found.st_mode), found.st_size, found.st_mtime, writable)
