"""Making a copy of an installation while people work in it."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sundbench import aside
from sundbench.errors import HubError
from sundbench.hub import database
from sundbench.hub.backup import databases
from sundbench.hub.backup.copies import (
    ANCHORS,
    GOVERNANCE,
    HOME,
    HUB,
    File,
    Listing,
    copies,
    read,
    write,
)
from sundbench.hub.settings import read as settings
from sundbench.hub.supervisor.loop import LOCK
from sundbench.progress import Report, silent
from sundbench.site import Site
from sundbench.store import vault_folder
from sundbench.store.rotation import has_one_key

_log = logging.getLogger(__name__)

_BLOCK = 1 << 20
_DEEPEST, _LONGEST = 100, 3000
"""Folders within each other, and bytes of their path: beyond it a project's account could end every copy."""
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make(site: Site, folder: Path, keep: int, report: Report = silent) -> Path:
    """Copy everything but scratch, what runs, and the vault's key.

    Others go on writing. Of the audit log heads come first, then anchors, then records: what is added
    meanwhile can't leave an anchor without its record. Databases come after the files, governance's last: a
    person or permit too few in what else there is does no harm.

    Args:
        site: the installation.
        folder: where copies are kept; not in the installation.
        keep: how many copies are kept; the oldest go.
        report: told of files.

    Returns:
        The copy.

    Raises:
        HubError: it can't be made; nothing is left of it.
    """
    folder = folder.resolve()
    if folder.is_relative_to(site.root):
        raise HubError(f"{folder}: is in the installation itself: choose a folder of another machine or disk")
    # Seconds tell copies apart; two in one second are one.
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    urls = {HUB: database.url(site, settings(site).database), GOVERNANCE: site.database_url}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with aside.folder(folder / name, mode=0o700) as making:
            there = copies(folder)
            files = list(_files(site, urls, making, there[-1] if there else None, report))
            if not has_one_key(making / HOME / site.vault.relative_to(site.root)):
                raise HubError(
                    f"{site.vault}: its key is being changed: make the copy again; where that was cut off, "
                    "`sundbench vault show` with the new key finishes it"
                )
            for which, url in urls.items():
                files.append(_database(which, url, making))
            kinds = {which: databases.kind(url) for which, url in urls.items()}
            write(
                making,
                Listing(version=version("sundbench"), home=str(site.root), databases=kinds, files=files),
            )
            making.rename(folder / name)
    except OSError as error:
        raise HubError(f"{error.filename or folder}: {error.strerror}: the copy was not made") from error
    for old in copies(folder)[:-keep]:
        with suppress(FileNotFoundError):  # another removes it as well
            shutil.rmtree(old)
    return folder / name


def _database(which: str, url: str, making: Path) -> File:
    path = making / f"{which}.{databases.kind(url)}"
    databases.dump(url, path)
    return File(
        path=path.name, kind="file", mode=0o600, uid=0, gid=0, size=path.stat().st_size, digest=_digest(path)
    )


def _files(
    site: Site, urls: dict[str, str], making: Path, before: Path | None, report: Report
) -> Iterator[File]:
    known = {one.path: one for one in read(before).files if one.kind == "file"} if before else {}
    copier = _Copier(making, before, known, report)
    audit = site.audit.relative_to(site.root)
    with suppress(FileNotFoundError):
        yield from copier.one(site.audit / "head.json", f"{HOME}/{audit}/head.json")
    yield from copier.tree(site.anchors, ANCHORS, lambda _: False, grows=True)
    yield from copier.tree(site.audit, f"{HOME}/{audit}", lambda path: path.name == "head.json", grows=True)
    yield from copier.tree(site.root, HOME, _left_out(site, urls))


def _left_out(site: Site, urls: dict[str, str]) -> Callable[[Path], bool]:
    """What isn't copied with the files: elsewhere in the copy, made anew, or nobody's but its owner's."""
    own = {databases.file(url) for url in urls.values()}
    sqlite = {f"{path}{end}" for path in own if path is not None for end in ("", "-wal", "-shm", "-journal")}
    left = {site.audit, site.anchors, site.scratch, site.root / "jobs", site.root / "vault.key"}
    left |= {site.vault / vault_folder.RESEALING}
    left |= {site.vault_key_file} if site.vault_key_file else set()
    running = {site.hub / name for name in ("processes.json", LOCK, "jupyterhub-proxy.pid")}

    def staged(path: Path) -> bool:
        """Whether a freeze works there, or was killed: person numbers leave the vault sealed alone."""
        return path.parent == site.vault and path.name.startswith(vault_folder.STAGING)

    return lambda path: path in left or path in running or str(path) in sqlite or staged(path)


class _Copier:
    """Copies trees that others may write to: no link is followed, and what isn't a file is left."""

    def __init__(self, making: Path, before: Path | None, known: dict[str, File], report: Report) -> None:
        self._making = making
        self._before = before
        self._known = known
        self._report = report
        self._done = 0

    def tree(
        self, root: Path, name: str, left_out: Callable[[Path], bool], *, grows: bool = False
    ) -> Iterator[File]:
        """Copy what is in a folder, sorted by names; nothing where it isn't there.

        Args:
            root: the folder.
            name: of it in the copy.
            left_out: what isn't copied.
            grows: lines are added to its files all the time: of each file whole ones are copied.
        """
        if not root.is_dir():
            return
        for at, folders, names, descriptor in os.fwalk(root, follow_symlinks=False):
            here = Path(at)
            below = f"{name}/{here.relative_to(root)}".removesuffix("/.")
            folders[:] = sorted(one for one in folders if not left_out(here / one))
            found = os.fstat(descriptor)
            (self._making / below).mkdir(parents=True, exist_ok=True, mode=0o700)
            yield File(
                path=below,
                kind="folder",
                mode=stat.S_IMODE(found.st_mode),
                uid=found.st_uid,
                gid=found.st_gid,
            )
            links = [one for one in folders if stat.S_ISLNK(_mode(one, descriptor))]
            # Who exchanges one for a folder now, and lets it be walked into, would have files below a link.
            folders[:] = [one for one in folders if one not in links]
            if folders and (below.count("/") >= _DEEPEST or len(os.fsencode(below)) > _LONGEST):
                _log.warning("%.200r: what lies deeper below it is left out of the copy", below)
                folders.clear()
            for one in sorted([*names, *links]):
                if not left_out(here / one):
                    with suppress(FileNotFoundError):  # removed meanwhile
                        yield from self.one(Path(one), f"{below}/{one}", descriptor, grows=grows)

    def one(self, path: Path, name: str, folder: int | None = None, *, grows: bool = False) -> Iterator[File]:
        """Copy a file or link."""
        found = os.stat(path, dir_fd=folder, follow_symlinks=False)
        owned = {"path": name, "mode": stat.S_IMODE(found.st_mode), "uid": found.st_uid, "gid": found.st_gid}
        if stat.S_ISLNK(found.st_mode):
            yield File(kind="link", target=os.readlink(path, dir_fd=folder), **owned)
        if not stat.S_ISREG(found.st_mode):
            return
        before = self._known.get(name)
        to = self._making / name
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        same = before and (before.size, before.changed) == (found.st_size, found.st_mtime_ns)
        if before and self._before and same and _linked(self._before / name, to):
            size, digest = before.size, before.digest
        else:
            opened = os.open(path, _OPEN, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(opened).st_mode):  # exchanged since it was looked at
                os.close(opened)
                return
            size, digest = self._copy(opened, to, grows=grows)
        self._done += 1
        self._report("files", self._done, 0)
        yield File(kind="file", size=size, changed=found.st_mtime_ns, digest=digest, **owned)

    @staticmethod
    def _copy(descriptor: int, to: Path, *, grows: bool) -> tuple[int, str]:
        """Copy what there is now; of lines that are being added only whole ones."""
        total, size = hashlib.sha256(), 0
        lines, rest = grows and to.suffix == ".jsonl", b""
        with os.fdopen(descriptor, "rb") as source, to.open("xb") as copy:
            to.chmod(0o600)
            while block := source.read(_BLOCK):
                block = rest + block
                cut = block.rfind(b"\n") + 1 if lines else len(block)
                block, rest = block[:cut], block[cut:]
                total.update(block)
                size += copy.write(block)
        return size, total.hexdigest()


def _linked(before: Path, to: Path) -> bool:
    """Whether a file of the copy before stands in the new one: another may have removed that copy."""
    try:
        os.link(before, to)
    except FileNotFoundError:
        return False
    return True


def _mode(name: str, folder: int) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
