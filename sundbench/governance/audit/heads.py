"""Signed heads: how far the log had come, told outside its folder so that a shorter or older log is found.

Each head holds the digest of the head before, so that none can be taken out from between others. All are in
the anchors' folder, one file a day, only ever added to, and only the last one; the last head is also beside
the log, so that anchors that are cut off are found too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sundbench import aside
from sundbench.errors import AuditError
from sundbench.governance.audit.record import GENESIS
from sundbench.governance.signing import Signer
from sundbench.site import Site


def signer(site: Site) -> Signer:
    """The key of the log's writer."""
    return Signer(site.root / "keys", "audit", AuditError)


@dataclass(frozen=True)
class Head:
    """What the log was at one moment.

    Attributes:
        log: the log's id.
        number: of the anchor: 1, 2, ...
        sequence: of the last record.
        digest: of its line.
        time: as in records.
        previous: digest of the anchor before.
        key: fingerprint of the key that signs.
    """

    log: str
    number: int
    sequence: int
    digest: str
    time: str
    previous: str
    key: str

    def line(self, by: Signer) -> bytes:
        """The signed line without its newline."""
        content = asdict(self)
        return json.dumps({"head": content, "signature": by.sign(content)}, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, line: bytes, by: Signer) -> Head:
        """Read a signed line.

        Raises:
            ValueError: no head, or not signed by that key.
        """
        try:
            read = json.loads(line)
            head = cls(**read["head"])
            signature = str(read["signature"])
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError("not a head") from error
        if not by.signed(asdict(head), signature):
            raise ValueError("not signed by the log's key")
        return head


def line_digest(line: bytes) -> str:
    """SHA-256 of an anchor's line."""
    return hashlib.sha256(line).hexdigest()


def anchor_files(folder: Path) -> list[Path]:
    """The anchors' files, oldest first."""
    return sorted(folder.glob("anchors-????-??-??.jsonl"))


def anchor_lines(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All lines of all anchors, oldest first, without their newlines."""
    for path in anchor_files(folder):
        with path.open("rb") as file:
            for line in file:
                yield path, line.removesuffix(b"\n")


def last_anchor(folder: Path, by: Signer) -> tuple[Head, str] | None:
    """The last anchor that stands whole, and its line's digest; None where there is none.

    What a writer that was killed left of a line is passed over; `verify` looks at all of them.
    """
    for path in reversed(anchor_files(folder)):
        for line in reversed(path.read_bytes().split(b"\n")):
            with contextlib.suppress(ValueError):
                return Head.parse(line, by), line_digest(line)
    return None


def read_beside(folder: Path, by: Signer) -> Head | None:
    """The head that lies beside the log; None where there is none.

    Raises:
        ValueError: it is no head, or not signed by the log's key.
    """
    try:
        line = (folder / "head.json").read_bytes()
    except FileNotFoundError:
        return None
    return Head.parse(line.rstrip(b"\n"), by)


class Anchors:
    """Where a writer puts its heads.

    Args:
        folder: the anchors' folder, outside the log's.
        beside: the log's folder.
        by: the log's key.
    """

    def __init__(self, folder: Path, beside: Path, by: Signer) -> None:
        self._folder = folder
        self._beside = beside
        self._by = by
        self.last: Head | None = None
        self._digest = GENESIS
        self._failed = False
        self._read_last()

    def add(self, log: str, sequence: int, digest: str, time: str) -> Head:
        """Anchor a head: on the disk in the anchors' folder, then beside the log.

        Raises:
            OSError: it can't be written; another try may come.
        """
        if self._failed:  # who knows how much of it was written
            self._read_last()
        self._failed = True
        head = Head(
            log=log,
            number=self.last.number + 1 if self.last else 1,
            sequence=sequence,
            digest=digest,
            time=time,
            previous=self._digest,
            key=self._by.fingerprint,
        )
        line = head.line(self._by)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Never a file before the last: a clock that was ahead and is set right must not upset their order.
        name = max([f"anchors-{time[:10]}.jsonl", *(file.name for file in anchor_files(self._folder)[-1:])])
        _append(self._folder / name, line)
        self.last, self._digest = head, line_digest(line)
        aside.write(self._beside / "head.json", line + b"\n", mode=0o600, sync=True)
        self._failed = False
        return head

    def _read_last(self) -> None:
        last = last_anchor(self._folder, self._by)
        self.last, self._digest = last or (None, GENESIS)


def _append(path: Path, line: bytes) -> None:
    made = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        # A line that a killed writer tore is ended, not cut: the folder may let files only grow.
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line + b"\n"
        if (written := os.write(descriptor, content)) < len(content):
            raise OSError(28, f"only {written} of {len(content)} bytes could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if made:
        aside.sync_folder(path.parent)
