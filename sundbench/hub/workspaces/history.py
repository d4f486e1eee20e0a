"""Every version of a project's notebooks and code: who saved what, when, and how to have it back.

A save is recorded under its person's name as soon as it is on the disk; what came otherwise is found by a
sweep. Files are read as the server serves them (`sundbench.hub.server.tree`): no links, no hidden names.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sundbench import aside
from sundbench.errors import HubError
from sundbench.hub.server.tree import Entry, IrregularError, NotThereError, Tree, parts
from sundbench.hub.workspaces.git import BRANCH, begin, git
from sundbench.sandbox import usage
from sundbench.sandbox.ownership import hand_over
from sundbench.site import Site

NOBODY = "sundbench"
"""In whose name a sweep records: it can't know who wrote what it finds."""
LARGEST = 64 * 2**20
"""Bytes of the largest file that is kept; the server writes none that is larger."""

MOST = 20 * 2**30
"""Bytes of all versions of a workspace, ten times its usual quota: they lie on everybody's disk."""

_DEEPEST = 100
"""Folders within each other that are looked into: whoever makes more must not end every look."""

_VERSION = re.compile(r"[0-9a-f]{7,64}")
_FIELDS = "%H%x00%at%x00%an%x00%s%x1e"


@dataclass(frozen=True)
class Version:
    """One recorded change.

    Attributes:
        id: of the commit.
        moment: when it was recorded.
        by: user name, or `NOBODY`.
        what: the paths that changed, or how many.
    """

    id: str
    moment: datetime
    by: str
    what: str


@dataclass
class History:
    """The versions of one workspace.

    Attributes:
        folder: out of reach of every sandbox; holds the repository and its lock.
        workspace: the folder whose versions are kept.
        most: bytes that the versions may take; with that many, no more are kept.
    """

    folder: Path
    workspace: Path
    most: int = MOST
    _seen: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.folder / "versions.git"

    @property
    def _tree(self) -> Tree:
        return Tree(self.workspace)

    def record(self, paths: Iterable[str], by: str) -> str | None:
        """Bring the versions in step with the workspace at some paths.

        Args:
            paths: files, folders, or what is no longer there.
            by: who changed them.

        Returns:
            The new version's id; None where nothing had changed.

        Raises:
            HubError: git fails; the files themselves are as they were.
        """
        wanted = [named(path) for path in paths]
        with self.locked():
            known = self._known()
            here = {entry.path: entry for path in wanted for entry in self._files(path)}
            gone = {path for path in known if _below(path, wanted) and path not in here}
            return self._commit(here.values(), gone, known, by)

    def sweep(self, settled: float = 0) -> str | None:
        """Record whatever isn't yet, in nobody's name.

        Args:
            settled: leave files alone that were written within so many seconds: their record is on its way.

        Raises:
            HubError: as `record`.
        """
        with self.locked():
            known = self._known()
            here = {entry.path: entry for entry in self._files("")}
            new = [entry for entry in here.values() if self._seen.get(entry.path) != _stamp(entry)]
            old = [entry for entry in new if entry.modified <= time.time() - settled]
            made = self._commit(old, known.keys() - here.keys() if not settled else set(), known, NOBODY)
            self._seen = {path: _stamp(entry) for path, entry in here.items() if entry not in new}
            self._seen |= {entry.path: _stamp(entry) for entry in old}
            return made

    def versions(self, path: str = "", most: int = 50) -> list[Version]:
        """What was recorded, newest first.

        Args:
            path: a file or folder; empty for all.
            most: how many.
        """
        about = ["--", f":(literal){named(path)}"] if path else []
        if not self._begun():
            return []
        said = git(self.repository, "log", f"--format={_FIELDS}", f"--max-count={most}", BRANCH, *about)
        return [_version(line) for line in (said or b"").decode().split("\x1e") if line.strip()]

    def paths(self) -> list[str]:
        """The files in the newest version."""
        return list(self._known())

    def content(self, path: str, version: str) -> bytes:
        """A file as it was.

        Raises:
            HubError: no such version, or no such file in it.
        """
        name = named(path)
        if not _VERSION.fullmatch(version):
            raise HubError(f"version {version}: 7 or more of the digits that the history shows")
        kept = git(self.repository, "cat-file", "blob", f"{version}:{name}", accept=(0, 128))
        if kept is None:
            raise HubError(f"{path}: not in version {version}: see the file's history for those that have it")
        return kept

    def restore(self, path: str, version: str, by: str, to: str | None = None) -> str | None:
        """Write a file as it was; what it was until now stays in the history.

        Args:
            path: which file.
            version: as `versions` names it.
            by: who asks.
            to: another path to write it to.

        Raises:
            HubError: no such version or file, or something else than a file stands there.
        """
        content = self.content(path, version)
        target = named(to or path)
        self.record([target], NOBODY)
        try:
            for folder in reversed(PurePosixPath(target).parents[:-1]):
                self._tree.make_folder(str(folder))
            self._tree.write(target, content)
        except (IrregularError, NotThereError, OSError) as error:
            raise HubError(f"{target}: can't be written there: name another place with --to") from error
        hand_over(self.workspace)
        return self.record([target], by)

    def copy_out(self, folder: Path) -> int:
        """Copy the workspace's files, as the server would show them, to a new folder.

        Returns:
            How many.
        """
        folder.mkdir(parents=True)
        entries = list(self._files(""))
        for entry in entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._tree.read(entry.path, LARGEST))
        return len(entries)

    def tidy(self) -> None:
        """Let git pack what has become many small files."""
        with self.locked():
            git(self.repository, "gc", "--auto", "--quiet")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time: each member's server has a process that records."""
        path = self.folder / "lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Others can write to the folder where the account that does this is not its owner.
            lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            raise HubError(f"versions {path}: can't be locked: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._make()
            yield
        finally:
            os.close(lock)

    def _make(self) -> None:
        if self.repository.is_dir():
            return
        with aside.folder(self.repository) as made:
            begin(made)
            made.rename(self.repository)

    def _begun(self) -> bool:
        return (
            self.repository.is_dir()
            and git(self.repository, "rev-parse", "--quiet", "--verify", BRANCH, accept=(0, 1)) is not None
        )

    def _known(self) -> dict[str, str]:
        """The digest of each file in the last version."""
        if not self._begun():
            return {}
        lines = (git(self.repository, "ls-tree", "-r", "-z", "--full-tree", BRANCH) or b"").decode()
        pairs = [line.partition("\t") for line in lines.split("\0") if line]
        return {path: about.split(" ")[2] for about, _, path in pairs}

    def _files(self, path: str) -> Iterator[Entry]:
        if path.count("/") >= _DEEPEST:
            return
        try:
            entry = self._tree.entry(path)
            inner = self._tree.inside(path) if entry.folder else []
        except (NotThereError, IrregularError):
            return
        if not entry.folder:
            yield entry
        for one in inner:
            yield from self._files(one.path)

    def _commit(self, files: Iterable[Entry], gone: set[str], known: dict[str, str], by: str) -> str | None:
        changed: dict[str, bytes] = {}
        for entry in files:
            try:
                content = self._tree.read(entry.path, LARGEST)
            except (NotThereError, IrregularError):
                continue
            if len(content) <= LARGEST and known.get(entry.path) != _digest(content):
                changed[entry.path] = content
        if not changed and not gone:
            return None
        if usage.disk(self.folder) > self.most:
            raise HubError(
                f"versions {self.folder}: they take all of their {self.most:,} bytes: no more are kept"
            )
        what = sorted([*changed, *(f"- {path}" for path in gone)])
        message = what[0] if len(what) == 1 else f"{len(what)} files\n\n" + "\n".join(what)
        stream = [
            f"commit {BRANCH}\n".encode(),
            _person("author", by),
            _person("committer", NOBODY),
            _data(message),
        ]
        if known or self._begun():
            stream.append(f"from {BRANCH}^0\n".encode())
        stream += [b"D " + _quoted(path) + b"\n" for path in sorted(gone)]
        for path, content in sorted(changed.items()):
            stream += [b"M 100644 inline " + _quoted(path) + b"\n", _data(content)]
        git(self.repository, "fast-import", "--quiet", "--done", given=b"".join([*stream, b"done\n"]))
        made = git(self.repository, "rev-parse", BRANCH) or b""
        return made.decode().strip()


def history(site: Site, permit: str) -> History:
    """The versions of a project's workspace."""
    return History(site.histories / permit, site.workspaces / permit)


def named(path: str) -> str:
    """A path as the versions have it.

    Raises:
        HubError: it has hidden names, or can't be one.
    """
    try:
        return "/".join(parts(path))
    except NotThereError as error:
        raise HubError(f"{path!r:.100}: no path of a workspace: hidden names have no versions") from error


def _below(path: str, wanted: list[str]) -> bool:
    return any(path == one or not one or path.startswith(f"{one}/") for one in wanted)


def _stamp(entry: Entry) -> tuple[float, int]:
    return entry.modified, entry.size


def _digest(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _person(role: str, user: str) -> bytes:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", user)
    return f"{role} {name} <{name}> {int(time.time())} +0000\n".encode()


def _data(content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return b"data %d\n" % len(raw) + raw + b"\n"


def _quoted(path: str) -> bytes:
    # Control characters, the only others to escape, are in no path that the tree shows.
    return b'"' + path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _version(line: str) -> Version:
    commit, seconds, by, what = line.strip().split("\0")
    return Version(commit, datetime.fromtimestamp(int(seconds), UTC), by, what)
