"""Whether the log is what its writer left: every line, every segment, every anchor."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sundbench.errors import AuditError
from sundbench.governance.audit.heads import Head, anchor_lines, line_digest, read_beside, signer
from sundbench.governance.audit.record import GENESIS, Record, digest
from sundbench.governance.audit.retention import KEPT_MONTHS, months_later
from sundbench.governance.audit.segments import Segment, segments
from sundbench.governance.audit.statements import Statement, statements
from sundbench.progress import Report, silent
from sundbench.site import Site

_NOTED = re.compile(r"([0-9]+):([0-9a-f]{12,64})")


@dataclass(frozen=True)
class Problem:
    """Something that the log's writer did not do.

    Attributes:
        where: the file, and the record where it is known.
        what: what is wrong.
    """

    where: str
    what: str


@dataclass
class Verified:
    """What was found.

    Attributes:
        log: the log's id.
        records: how many were read.
        first, last: sequence of the first and the last of them.
        digest: of the last line.
        key: fingerprint of the key that signed.
        anchors: how many heads were compared with the log.
        anchored: sequence of the last record that an anchor covers.
        retired: how many segments were removed when their time was over.
        problems: what is wrong; empty where all is well.
        notes: what isn't wrong, and should be known.
    """

    log: str = ""
    records: int = 0
    first: int = 0
    last: int = 0
    digest: str = GENESIS
    key: str = ""
    anchors: int = 0
    anchored: int = 0
    retired: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        """The log's last record, as `verify` takes it: to be noted where nobody here can change it."""
        return f"{self.last}:{self.digest}"


def verify(
    site: Site, *, noted: str | None = None, key: str | None = None, report: Report = silent
) -> Verified:
    """Read the whole log and compare it with its anchors.

    The writer may go on meanwhile: what it adds is read or left out.

    Args:
        site: the installation.
        noted: a head that somebody noted elsewhere, ``sequence:digest`` (12 digits of it are enough).
        key: the fingerprint, or its beginning, that the log's key must have.
        report: told of segments.

    Returns:
        What was found.

    Raises:
        AuditError: there is neither log nor anchor, or what is given is no head.
    """
    wanted = _noted(noted)
    found = Verified()
    # Anchors first: what is added to the log while it is read can't be ahead of it.
    anchors = _anchors(site, found)
    by_sequence: dict[int, list[Head]] = {}
    for head in anchors:
        by_sequence.setdefault(head.sequence, []).append(head)
    try:
        retired = statements(site.audit, signer(site))
    except AuditError as error:
        found.problems.append(Problem(str(site.audit), str(error)))
        retired = []
    _check_retired(retired, found)
    there = segments(site.audit)
    if not there and not retired and not anchors:
        raise AuditError(f"there is no audit log in {site.audit}, and no anchor of one in {site.anchors}")
    _chain(there, retired, by_sequence, wanted, found=found, report=report)
    _after(site, anchors, wanted, found)
    if key is not None and not found.key.startswith(key.lower()):
        found.problems.append(Problem(str(site.root / "keys"), "the log's key is another than was told"))
    return found


def _anchors(site: Site, found: Verified) -> list[Head]:
    """The anchors that stand, each checked to follow the one before."""
    by = signer(site)
    try:
        found.key = by.fingerprint
    except AuditError as error:
        found.problems.append(Problem(str(site.root / "keys"), str(error)))
        return []
    anchors: list[Head] = []
    previous = GENESIS
    for path, line in anchor_lines(site.anchors):
        try:
            head = Head.parse(line, by)
        except ValueError:
            # A writer that was killed leaves half a line; had it been a whole one, the next would not fit.
            found.notes.append(f"{path.name}: a line that is no anchor")
            continue
        if head.previous != previous or head.number != (anchors[-1].number + 1 if anchors else 1):
            found.problems.append(
                Problem(
                    path.name, f"anchor {head.number} doesn't follow the one before: edited, or one is gone"
                )
            )
        anchors.append(head)
        previous = line_digest(line)
    try:
        beside = read_beside(site.audit, by)
    except ValueError:
        found.problems.append(Problem("head.json", "not as it was signed"))
        return anchors
    if beside and (not anchors or beside.number > anchors[-1].number):
        last = anchors[-1].number if anchors else 0
        found.problems.append(
            Problem(str(site.anchors), f"ends at anchor {last}, but anchor {beside.number} was made: cut off")
        )
        anchors.append(beside)
    if beside is None and anchors:
        found.notes.append("head.json is not there; the next anchor makes it anew")
    return anchors


def _check_retired(retired: list[Statement], found: Verified) -> None:
    found.retired = len(retired)
    for statement in retired:
        if months_later(statement.until, KEPT_MONTHS) > statement.retired:
            found.problems.append(
                Problem(statement.name, f"removed before its records were {KEPT_MONTHS} months old")
            )


def _chain(
    there: list[Segment],
    retired: list[Statement],
    anchors: dict[int, list[Head]],
    wanted: tuple[int, str] | None,
    *,
    found: Verified,
    report: Report,
) -> None:
    last = retired[-1] if retired else None
    number, sequence, previous = (last.segment, last.sequence, last.digest) if last else (0, 0, GENESIS)
    found.log, found.first = last.log if last else "", sequence + 1
    for statement in retired:
        _compare(statement.sequence, statement.digest, anchors, wanted, found)
    live = [segment for segment in there if segment.number > number]
    if len(live) < len(there):
        found.notes.append("a segment that was retired is still there: retire again")
    for done, segment in enumerate(live):
        report("segments", done, len(live))
        if segment.number != number + 1:
            found.problems.append(Problem(segment.path.name, f"segment {number + 1} before it is not there"))
        number = segment.number
        for line, whole in segment.lines():
            if not whole and segment == live[-1]:
                found.notes.append(
                    f"{segment.path.name} ends within a record: it is being written, or its writer was "
                    "killed (then the next one repairs it); nobody was told that it was recorded"
                )
                break
            placed = _placed(line, segment, sequence, previous, found)
            sequence, previous = placed, digest(line)
            found.records += 1
            if not found.log:
                found.log = _log_id(line)
            _compare(sequence, previous, anchors, wanted, found)
    found.last, found.digest = sequence, previous
    report("segments", len(live), len(live))


def _placed(line: bytes, segment: Segment, before: int, previous: str, found: Verified) -> int:
    """The sequence of a line; a problem is told where it doesn't follow the one before."""
    where = f"{segment.path.name}, record {before + 1}"
    try:
        record = Record.parse(line)
    except ValueError:
        found.problems.append(Problem(where, "not a record as the writer spells it: edited or damaged"))
        return before + 1
    if record.sequence != before + 1:
        found.problems.append(
            Problem(where, f"record {record.sequence} stands here: records were removed, added or reordered")
        )
    elif record.previous != previous:
        found.problems.append(
            Problem(
                where, f"doesn't hold the digest of record {before}: one of the two was edited or swapped"
            )
        )
    return record.sequence


def _compare(
    sequence: int,
    line: str,
    anchors: dict[int, list[Head]],
    wanted: tuple[int, str] | None,
    found: Verified,
) -> None:
    """Compare a record with the heads that were anchored, or noted, of it. Those that are found are taken."""
    for head in anchors.pop(sequence, ()):
        found.anchors += 1
        found.anchored = max(found.anchored, sequence)
        if head.digest != line:
            found.problems.append(Problem(f"record {sequence}", f"not the one of anchor {head.number}"))
        if found.log and head.log != found.log:
            found.problems.append(Problem(f"anchor {head.number}", "another log's"))
    if wanted and wanted[0] == sequence and not line.startswith(wanted[1]):
        found.problems.append(Problem(f"record {sequence}", "not the one that was noted"))


def _after(site: Site, anchors: list[Head], wanted: tuple[int, str] | None, found: Verified) -> None:
    ahead = [head for head in anchors if head.sequence > found.last]
    if ahead:
        found.problems.append(
            Problem(
                str(site.audit),
                f"ends at record {found.last}, but record {ahead[-1].sequence} was anchored at "
                f"{ahead[-1].time}: records were removed, or an older copy was put in its place",
            )
        )
    if not anchors and found.last > 1:
        found.problems.append(Problem(str(site.anchors), "holds no anchors: they are gone"))
    if wanted and wanted[0] > found.last:
        found.problems.append(
            Problem(str(site.audit), f"ends at record {found.last}, but record {wanted[0]} was noted")
        )
    open_end = found.last - found.anchored
    if open_end and not found.problems:
        found.notes.append(f"the last {open_end} records are not anchored yet: only the chain holds them")


def _noted(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    match = _NOTED.fullmatch(text.strip().lower())
    if match is None:
        raise AuditError(
            f"{text[:80]!r} is no head: give SEQUENCE:DIGEST as `sundbench audit verify` shows it"
        )
    return int(match[1]), match[2]


def _log_id(line: bytes) -> str:
    try:
        return Record.parse(line).object
    except ValueError:
        return "unknown"
