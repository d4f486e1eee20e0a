"""What becomes of a project's folders when its permit ends: kernels' files go, notebooks stay for a while.

A permit that is extended before they are deleted gets them back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from sundbench import aside
from sundbench.errors import HubError
from sundbench.governance.audit.actions import Action
from sundbench.governance.permits import Registered
from sundbench.hub.workspaces import closing
from sundbench.site import Site

What = Literal["close", "reopen", "delete"]

ACTIONS = {
    "close": Action.WORKSPACE_CLOSE,
    "reopen": Action.WORKSPACE_REOPEN,
    "delete": Action.WORKSPACE_DELETE,
}
"""What each step is called in the audit log."""


@dataclass(frozen=True)
class Ended:
    """A workspace whose permit has ended.

    Attributes:
        since: the day on which it was closed to its members.
        why: ``closed`` or ``expired``.
    """

    since: date
    why: str

    def until(self, keep_days: int) -> date:
        """The day on which it is deleted."""
        return self.since + timedelta(days=keep_days)


@dataclass(frozen=True)
class Step:
    """Something to do, and first to record.

    Attributes:
        permit: the project.
        what: which.
        why: for the record.
    """

    permit: str
    what: What
    why: str

    def take(self, site: Site, today: date, backups: Path | None) -> None:
        """Do it; one that was broken off is done again.

        Args:
            site: the installation.
            today: the day that is noted.
            backups: where copies of workspaces are; those of a deleted one are deleted too.

        Raises:
            HubError, ClusterError: something is left to do.
        """
        match self.what:
            case "close":
                closing.close(site, self.permit)
                _write_note(site, self.permit, Ended(today, self.why))
            case "reopen":
                closing.reopen(site, self.permit)
                _note(site, self.permit).unlink(missing_ok=True)
            case "delete":
                closing.delete(site, self.permit, backups)
                # It says that all is to be deleted: it goes last.
                _note(site, self.permit).unlink(missing_ok=True)


def ended(site: Site, permit: str) -> Ended | None:
    """Since when a workspace is closed; None while it is in use.

    Raises:
        HubError: what was noted can't be read.
    """
    path = _note(site, permit)
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        return Ended(date.fromisoformat(noted["since"]), str(noted["why"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HubError(f"{path}: can't be read: restore it from a copy") from error


def reachable(site: Site, permit: str) -> bool:
    """Whether this process may look after a project's folders.

    On a cluster they are the project's own account's, and root's to look after where the hub isn't root.
    """
    there = [folder for folder in _folders(site, permit) if folder.exists()]
    return all(os.access(folder, os.R_OK | os.X_OK) for folder in there)


def due(site: Site, permits: Iterable[Registered], today: date, keep_days: int) -> list[Step]:
    """What is to be done today.

    A permit that governance doesn't know, or can't read, is left alone.

    Args:
        site: the installation.
        permits: every permit.
        today: Denmark's day.
        keep_days: how long a workspace is kept after its permit's end.
    """
    steps = []
    for one in permits:
        permit, standing = one.permit.id, one.standing(today)
        was = ended(site, permit)
        if standing == "active" and was:
            steps.append(Step(permit, "reopen", "permit extended"))
        elif standing != "active" and was and today >= was.until(keep_days):
            steps.append(Step(permit, "delete", f"permit {was.why}, kept since {was.since}"))
        elif standing != "active" and not was and any(folder.exists() for folder in _folders(site, permit)):
            steps.append(Step(permit, "close", standing))
    return steps


def _folders(site: Site, permit: str) -> list[Path]:
    """The folders of a project that end with it."""
    return [root / permit for root in (site.workspaces, site.scratch, site.outboxes, site.histories)]


def _note(site: Site, permit: str) -> Path:
    """Beside the project's folder, which is its account's where projects have accounts: it sets no day."""
    return site.histories / f"{permit}.ended.json"


def _write_note(site: Site, permit: str, end: Ended) -> None:
    note = _note(site, permit)
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with aside.file(note, mode=0o600) as file:
        file.write(json.dumps({"since": end.since.isoformat(), "why": end.why}).encode())
        if os.geteuid() == 0:
            os.fchown(file.fileno(), site.owner, -1)
