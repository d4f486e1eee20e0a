"""The log itself, as its one writer holds it: opened under a lock, checked, mended by rule, appended to."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sundbench.aside import sync_folder
from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.ending import Ending, cut_torn, find_ending
from sundbench.governance.audit.heads import Anchors, Head, read_beside, signer
from sundbench.governance.audit.record import GENESIS, Entry, Record, digest, stamp
from sundbench.governance.audit.segments import Segment, segments
from sundbench.governance.audit.statements import statements
from sundbench.site import Site

SEGMENT_BYTES = 16 << 20
"""A segment that has grown to this gets no more records. So does one of an earlier month."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BusyError(AuditError):
    """Another process writes the log."""


class BrokenLogError(AuditError):
    """The log isn't as its writer left it, or the disk fails: nothing more may be written to it."""


@dataclass
class _Open:
    """The segment that is being written to."""

    segment: Segment
    descriptor: int
    size: int


class Log:
    """The log, open for writing. One process ever: the others get an error.

    Opening checks the last segment and that no anchor is ahead of the log, and cuts off what a killed writer
    left of a record that nobody was told was written.

    Args:
        site: the installation.
        segment_bytes: when to begin a new segment.

    Raises:
        BusyError: another process writes it.
        BrokenLogError: it was edited, cut, rolled back or removed: `sundbench audit verify` says where.
    """

    def __init__(self, site: Site, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = site.audit
        self._segment_bytes = segment_bytes
        self._signer = signer(site)
        self._broken: str | None = None
        self._file: _Open | None = None
        self.id = ""
        self._sequence, self._previous, self._time = 0, GENESIS, datetime.now(UTC)
        self._writing = threading.Lock()
        self._anchoring = threading.Lock()
        self._lock = _lock(site.audit)
        try:
            self._signer.make()
            self._anchors = Anchors(site.anchors, site.audit, self._signer)
            self._begin()
        except BaseException:
            self._release()
            raise

    @property
    def sequence(self) -> int:
        """Of the last record."""
        return self._sequence

    @property
    def anchored(self) -> int:
        """Sequence of the last record that an anchor covers."""
        return self._anchors.last.sequence if self._anchors.last else 0

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Write records, all of them or none; they are on the disk when this returns.

        Returns:
            Their sequence numbers.

        Raises:
            AuditError: the disk is full; nothing was written, and it may work later.
            BrokenLogError: nothing more can be written.
        """
        with self._writing:
            if self._broken:
                raise BrokenLogError(self._broken)
            moment = datetime.now(UTC)
            sequence, previous = self._sequence, self._previous
            content = bytearray()
            for entry in entries:
                sequence += 1
                line = Record.place(entry, sequence, moment, previous).line()
                previous = digest(line)
                content += line + b"\n"
            self._write(bytes(content), moment)
            placed = list(range(self._sequence + 1, sequence + 1))
            self._sequence, self._previous, self._time = sequence, previous, moment
            return placed

    def anchor(self) -> Head | None:
        """Sign a head and anchor it, if there is anything that no anchor covers yet.

        Raises:
            AuditError: the anchors' folder can't be written; another try may come.
        """
        with self._anchoring:
            with self._writing:
                sequence, previous, time = self._sequence, self._previous, self._time
            if sequence == self.anchored:
                return None
            try:
                return self._anchors.add(self.id, sequence, previous, stamp(time))
            except OSError as error:
                raise AuditError(
                    f"the audit log's anchors can't be written: {error.strerror}: see to that folder"
                ) from error

    def close(self) -> None:
        """Anchor what there is, and let another process write.

        Raises:
            AuditError: as `anchor`; the log is closed nevertheless.
        """
        try:
            if not self._broken:
                self.anchor()
        finally:
            self._release()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        try:
            beside = read_beside(self.folder, self._signer)
        except ValueError:
            raise _broken("head.json beside it is not as it was signed") from None
        anchored = self._anchors.last
        retired = statements(self.folder, self._signer)
        if not retired and _is_empty(self.folder):
            if anchored or beside:
                raise _broken("it is gone, but its anchors are there")
            self.id = secrets.token_hex(16)
            self.append(
                [Entry("audit writer", Action.AUDIT_BEGIN, self.id, {"key": self._signer.fingerprint})]
            )
            self.anchor()
            return
        ending = find_ending(self.folder, retired, anchored.sequence if anchored else 0)
        _check(ending, anchored, beside)
        self.id, self._sequence, self._previous = ending.log, ending.sequence, ending.digest
        self._time = ending.time
        if ending.torn:
            cut = cut_torn(self.folder, ending.torn)
            self.append([Entry("audit writer", Action.AUDIT_REPAIR, ending.torn.segment.path.name, cut)])
            self.anchor()

    def _write(self, content: bytes, moment: datetime) -> None:
        file = self._current(moment)
        try:
            status = os.fstat(file.descriptor)
            if status.st_size != file.size or not os.path.samestat(status, file.segment.path.stat()):
                raise self._break(f"{file.segment.path.name} was changed by another process")
        except FileNotFoundError:
            raise self._break(f"{file.segment.path.name} was removed") from None
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
            os.fdatasync(file.descriptor)
        except OSError as error:
            self._take_back(file, error)
        file.size += len(content)

    def _take_back(self, file: _Open, error: OSError) -> None:
        """Nothing of a batch that failed stays, so that what was refused isn't found in the log."""
        try:
            os.ftruncate(file.descriptor, file.size)
            os.fdatasync(file.descriptor)
        except OSError as again:
            raise self._break(f"the disk fails: {again.strerror}") from error
        if error.errno not in _FULL:
            raise self._break(f"the disk fails: {error.strerror}") from error
        raise AuditError(
            f"the audit log's disk is full ({error.strerror}), so nothing may be done now: make room in "
            f"{self.folder}"
        ) from error

    def _current(self, moment: datetime) -> _Open:
        """The segment to write to: the last one, or a new one where that is full or of an earlier month."""
        file = self._file
        if file is None:
            there = segments(self.folder)
            last = there[-1] if there else Segment.of(self.folder, self._next_number())
            file = self._file = self._opened(last)
        if file.size and (
            file.size >= self._segment_bytes
            or (self._time.year, self._time.month) != (moment.year, moment.month)
        ):
            fresh = self._opened(Segment.of(self.folder, file.segment.number + 1))
            os.close(file.descriptor)
            file = self._file = fresh
        return file

    def _next_number(self) -> int:
        retired = statements(self.folder, self._signer)
        return retired[-1].segment + 1 if retired else 1

    def _opened(self, segment: Segment) -> _Open:
        try:
            made = not segment.path.exists()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(segment.path, flags, 0o600)
            if made:
                sync_folder(self.folder)
            return _Open(segment, descriptor, os.fstat(descriptor).st_size)
        except OSError as error:
            raise AuditError(f"{segment.path}: {error.strerror}: the audit log can't be written") from error

    def _break(self, what: str) -> BrokenLogError:
        self._broken = f"audit log: {what}: nothing more is written to it; run `sundbench audit verify`"
        return BrokenLogError(self._broken)

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file.descriptor)
            self._file = None
        os.close(self._lock)


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AuditError(f"audit log {folder}: {error.strerror}: run as the account that owns it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), (folder / "lock").stat()):
                return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    raise BusyError(f"audit log {folder}: another process writes it: one at a time")


def _is_empty(folder: Path) -> bool:
    """Whether there is no log yet. What a writer left that died over the very first record is removed."""
    there = segments(folder)
    if [segment.number for segment in there] == [1] and b"\n" not in there[0].path.read_bytes()[:4096]:
        there.pop().path.unlink()
    return not there


def _check(ending: Ending, anchored: Head | None, beside: Head | None) -> None:
    """Refuse to go on from a log that isn't the one that was anchored."""
    if ending.damage:
        raise _broken(ending.damage)
    if beside and (anchored is None or beside.number > anchored.number):
        raise _broken("its anchors are gone or were cut off: put them back")
    if anchored is None:
        if ending.sequence > 1:
            raise _broken("its anchors are gone: put them back")
        return
    if anchored.log != ending.log:
        raise _broken("its anchors are another log's")
    if anchored.sequence > ending.sequence:
        raise _broken(
            f"it ends at record {ending.sequence}, its anchor is at {anchored.sequence}: "
            "records were removed, or an older copy was put in its place"
        )
    if ending.at_anchor is not None and ending.at_anchor != anchored.digest:
        raise _broken(f"record {anchored.sequence} is not the one that was anchored")


def _broken(what: str) -> BrokenLogError:
    return BrokenLogError(
        f"audit log: {what}; nothing is written to it: run `sundbench audit verify`, and see docs/audit.md"
    )
