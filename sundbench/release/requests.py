"""Requests to let outputs out: submitted by an author, judged by two reviewers, released or not.

Every change is one transaction that locks the release, so that two who act at once come one after the other.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sundbench.disclosure.check import check
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.profile import profile
from sundbench.errors import DisclosureError, PermitError, ReleaseError
from sundbench.governance import database, people, permits
from sundbench.governance.models import Decision, PermitRecord, Release, ReleaseState, Role, Vote
from sundbench.release import manifest as manifests
from sundbench.release import released
from sundbench.release.manifest import Manifest
from sundbench.release.run import folder_of
from sundbench.release.signing import canonical
from sundbench.release.states import REVIEWERS, clear, step, verdict
from sundbench.site import Site

_MAY_SUBMIT = frozenset({Role.RESEARCHER, Role.ANALYST})


class BlockedError(DisclosureError):
    """Outputs that the disclosure check stops.

    Attributes:
        findings: all of them, those that stop the release among them.
    """

    def __init__(self, run: str, findings: list[Finding]) -> None:
        self.findings = findings
        stopping = sum(finding.blocks for finding in findings)
        super().__init__(
            f"run {run}: {stopping} findings of the disclosure check stop it: mend the study, then run again"
        )


def submit(site: Site, run: str, author: str, *, note: str = "", release: str | None = None) -> Release:
    """Ask for a run's outputs to be let out.

    Args:
        site: the installation.
        run: the run.
        author: who asks; a researcher or analyst of the run's permit.
        note: what reviewers should know.
        release: an earlier request, returned or not yet decided, whose outputs this run's replace. Its
            votes are cleared.

    Returns:
        The release, submitted.

    Raises:
        BlockedError: the disclosure check found what may not leave.
        ReleaseError: the run or its outputs were changed, or the run is in another release already.
        PermitError: the author may not ask.
    """
    with _copied(site, run) as (manifest, outbox):
        _passes(manifest, outbox)
    digest = _digest(manifest)
    with database.writing(site) as session:
        permits.usable(session, manifest.permit, permits.today())
        if not people.roles(session, author, manifest.permit) & _MAY_SUBMIT:
            raise PermitError(f"{author} is neither researcher nor analyst in permit {manifest.permit}")
        # Locking the permit's row keeps two submissions of the same run apart.
        session.get(PermitRecord, manifest.permit, with_for_update=True)
        _asked_once(session, run, release)
        if release is None:
            asked = _new(session, manifest, author, digest)
        else:
            asked = _replaced(session, release, manifest, author, digest)
        asked.note = note
        if asked.state != ReleaseState.SUBMITTED:
            step(asked, ReleaseState.SUBMITTED)
        session.flush()
        return asked


def vote(site: Site, release: str, reviewer: str, decision: Decision, comment: str = "") -> Release:
    """Say what a reviewer decides. With the last vote the release moves on.

    Args:
        site: the installation.
        release: the release's id.
        reviewer: who; a reviewer of the site or permit who neither ran the study nor asks for its release.
        decision: approve, return or reject.
        comment: why; needed to return or reject.

    Raises:
        ReleaseError: not under review, voted already, no comment, or the outputs were changed (then all
            votes are cleared).
        PermitError: this person may not review it.
    """
    if decision is not Decision.APPROVE and not comment.strip():
        raise ReleaseError(f"to {decision.value} a release, say why: --comment")
    with _locked(site, release) as (session, asked):
        run = _unchanged(site, asked)
        if reviewer in {asked.author, run.user}:
            raise PermitError(f"{reviewer} made release {release}: someone else has to review it")
        people.require(session, reviewer, Role.REVIEWER, asked.permit_id)
        if reviewer in {vote.reviewer for vote in asked.votes}:
            raise ReleaseError(f"{reviewer} has voted on release {release} already")
        if asked.state != ReleaseState.IN_REVIEW:
            step(asked, ReleaseState.IN_REVIEW)
        asked.votes.append(Vote(reviewer=reviewer, decision=decision.value, comment=comment.strip()))
        session.flush()
        decided = verdict(asked.votes)
        if decided is not None:
            step(asked, decided)
        return asked


def withdraw(site: Site, release: str, user: str) -> Release:
    """Take a request back, before it is released.

    Raises:
        ReleaseError: it has ended already.
        PermitError: not the author.
    """
    with _locked(site, release) as (_, asked):
        if user != asked.author:
            raise PermitError(f"release {release} is {asked.author}'s: only they withdraw it")
        step(asked, ReleaseState.WITHDRAWN)
        return asked


def publish(site: Site, release: str) -> Path:
    """Let the outputs of an approved release out: copy them, for good, to ``releases/<release>/``.

    Returns:
        The folder.

    Raises:
        BlockedError: the disclosure check, as it is today, stops them.
        ReleaseError: not approved, or the outputs were changed since (then all votes are cleared).
    """
    with _locked(site, release) as (_, asked):
        manifest = _unchanged(site, asked)
        step(asked, ReleaseState.RELEASED)
        about = released.About(
            release=asked.id,
            manifest=manifest,
            manifest_digest=hashlib.sha256(canonical(manifest.model_dump(mode="json"))).hexdigest(),
            author=asked.author,
            reviewers=tuple(sorted(vote.reviewer for vote in asked.votes)),
            released=datetime.now(UTC),
            outputs={},
        )
        with _copied(site, asked.run) as (copied, outbox):
            if _digest(copied) != asked.outputs_digest:
                raise ReleaseError(f"run {asked.run} changed while it was published: try again")
            _passes(copied, outbox)
            return released.store(site, outbox, about)


def find(site: Site, release: str) -> Release:
    """A release as it stands.

    Raises:
        ReleaseError: there is none of that id.
    """
    with database.reading(site) as session:
        return _get(session, release)


def every(site: Site) -> list[Release]:
    """All releases, oldest first."""
    with database.reading(site) as session:
        return list(session.scalars(select(Release).order_by(Release.created, Release.id)))


def open_votes(release: Release, viewer: str | None) -> list[Vote]:
    """The votes that someone may see: all when all reviewers have spoken, before that one's own."""
    if len(release.votes) >= REVIEWERS:
        return list(release.votes)
    return [vote for vote in release.votes if vote.reviewer == viewer]


@contextmanager
def _locked(site: Site, release: str) -> Iterator[tuple[Session, Release]]:
    """A release, locked until the end of the block. What was tampered with is remembered, then refused."""
    refused: _ChangedError | None = None
    with database.writing(site) as session:
        asked = _get(session, release, lock=True)
        try:
            yield session, asked
        except _ChangedError as error:
            # The votes' clearing must be kept, so the error leaves after the transaction.
            refused = error
    if refused is not None:
        raise refused


class _ChangedError(ReleaseError):
    """The outputs are not those that were submitted."""


def _unchanged(site: Site, asked: Release) -> Manifest:
    """The run's manifest, if its outputs are still those that were submitted; else the votes are cleared."""
    try:
        manifest = _submitted(site, asked)
    except ReleaseError as error:
        clear(asked)
        raise _ChangedError(
            f"release {asked.id}: {error}; its votes are cleared: submit a new run"
        ) from error
    return manifest


def _submitted(site: Site, asked: Release) -> Manifest:
    manifest, _ = _intact(site, asked.run)
    if _digest(manifest) != asked.outputs_digest:
        raise ReleaseError(f"run {asked.run} has other outputs than were submitted")
    return manifest


def _intact(site: Site, run: str) -> tuple[Manifest, Path]:
    folder = folder_of(site, run)
    manifest = manifests.read(site, folder)
    manifests.check_outputs(manifest, folder / "outbox")
    return manifest, folder / "outbox"


@contextmanager
def _copied(site: Site, run: str) -> Iterator[tuple[Manifest, Path]]:
    """A run's manifest and a copy of its outputs, which are what the manifest says.

    What is checked and what leaves are the copy's files: the outbox may change between two looks at it.
    """
    manifest, outbox = _intact(site, run)
    with tempfile.TemporaryDirectory(prefix="sundbench-") as folder:
        copy = Path(folder) / "outbox"
        shutil.copytree(outbox, copy, symlinks=True, copy_function=_copy_file)
        manifests.check_outputs(manifest, copy)
        yield manifest, copy


def _copy_file(source: str, target: str) -> None:
    # Anything else than a file (a pipe, a device) is left for the check to find as it is.
    if Path(source).is_file() and not Path(source).is_symlink():
        shutil.copyfile(source, target)
    else:
        Path(target).symlink_to(source)


def _passes(manifest: Manifest, outbox: Path) -> None:
    findings = check(outbox, profile(manifest.policy.profile))
    if any(finding.blocks for finding in findings):
        raise BlockedError(manifest.run, findings)


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(canonical(manifest.outputs)).hexdigest()


def _get(session: Session, release: str, *, lock: bool = False) -> Release:
    asked = session.get(Release, release, with_for_update=lock)
    if asked is None:
        raise ReleaseError(f"no release called {release}: `sundbench release list` shows those there are")
    return asked


def _asked_once(session: Session, run: str, release: str | None) -> None:
    """Refuse a run that is, or was, in another release: what was rejected stays out."""
    for other in session.scalars(select(Release).where(Release.run == run)):
        if other.state != ReleaseState.WITHDRAWN and other.id != release:
            raise ReleaseError(f"run {run} is in release {other.id} already, which is {other.state}")


def _new(session: Session, manifest: Manifest, author: str, digest: str) -> Release:
    asked = Release(
        id=f"r{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}",
        run=manifest.run,
        permit_id=manifest.permit,
        author=author,
        state=ReleaseState.DRAFT.value,
        outputs_digest=digest,
        votes=[],
    )
    session.add(asked)
    return asked


def _replaced(session: Session, release: str, manifest: Manifest, author: str, digest: str) -> Release:
    asked = _get(session, release, lock=True)
    if asked.author != author or asked.permit_id != manifest.permit:
        raise ReleaseError(f"release {release} belongs to another author or permit: submit a new one")
    if asked.state in {ReleaseState.RELEASED, ReleaseState.REJECTED, ReleaseState.WITHDRAWN}:
        raise ReleaseError(f"release {release} is {asked.state}, and stays as it is: submit a new one")
    clear(asked)
    asked.run, asked.outputs_digest = manifest.run, digest
    return asked
