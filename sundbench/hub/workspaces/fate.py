"""What becomes of a project's folders when its permit ends: kernels' files go, notebooks stay for a while.

A permit that is extended before they are deleted gets them back.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from sundbench.errors import HubError
from sundbench.governance.audit.actions import Action
from sundbench.governance.permits import Registered
from sundbench.hub.workspaces.history import history
from sundbench.site import Site
from sundbench.slurm.accounts import account, noted
from sundbench.slurm.folders import hand_over

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
        """
        match self.what:
            case "close":
                _close(site, self.permit, self.why, today)
            case "reopen":
                _modes(site.workspaces / self.permit, folder=0o700, file=0o600)
                if self.permit in noted(site):  # on a cluster its folders are its account's
                    hand_over(site, account(site, self.permit))
                _note(site, self.permit).unlink(missing_ok=True)
            case "delete":
                _delete(site, self.permit, backups)


def ended(site: Site, permit: str) -> Ended | None:
    """Since when a workspace is closed; None while it is in use."""
    try:
        noted = json.loads(_note(site, permit).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Ended(date.fromisoformat(noted["since"]), noted["why"])


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
    """The folders of a project that this module answers for."""
    return [root / permit for root in (site.workspaces, site.scratch, site.outboxes, site.histories)]


def _note(site: Site, permit: str) -> Path:
    return site.histories / permit / "ended.json"


def _close(site: Site, permit: str, why: str, today: date) -> None:
    workspace = site.workspaces / permit
    if workspace.is_dir():
        history(site, permit).sweep()
        _modes(workspace, folder=0o500, file=0o400)
    for root in (site.scratch, site.outboxes):
        with contextlib.suppress(HubError):
            _remove(root / permit)
    note = _note(site, permit)
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The folder may be the project's account's, and this root: a file that is new, by a name nobody knows.
    descriptor, aside = tempfile.mkstemp(dir=note.parent, prefix=f".{note.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"since": today.isoformat(), "why": why}, file)
    Path(aside).replace(note)


def _delete(site: Site, permit: str, backups: Path | None) -> None:
    _modes(site.workspaces / permit, folder=0o700, file=0o600)
    copies = [backups / permit] if backups else []
    # The history holds the note that says it is to be deleted: it goes last.
    for folder in (*copies, *_folders(site, permit)):
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, however deep kernels have made it: Python's own way ends at a thousand folders.

    Raises:
        HubError: something of it is left.
    """
    done = subprocess.run(  # noqa: S603 - a folder of ours
        ["/bin/rm", "-rf", "--", str(folder)], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise HubError(f"{folder}: can't be removed: {(done.stderr.splitlines() or ['?'])[0][:200]}")


def _modes(root: Path, *, folder: int, file: int) -> None:
    """Set the modes of a tree, and make it this process's own; its links lead nowhere.

    Members' servers run under another account where root starts them: without ownership a mode holds nobody.
    """
    if not root.is_dir():
        return
    own = (os.geteuid(), os.getegid())
    if root.is_symlink():
        raise HubError(f"{root}: is a link: put the workspace itself there")
    root.chmod(0o700)
    for place, _, names, directory in os.fwalk(root, topdown=False):
        del place
        for name in names:
            with contextlib.suppress(OSError):
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
                try:
                    at = os.fstat(opened)
                    if stat.S_ISREG(at.st_mode) and at.st_nlink == 1:
                        _set(opened, file, own)
                finally:
                    os.close(opened)
        _set(directory, folder, own)


def _set(opened: int, mode: int, own: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.fchown(opened, *own)
    os.fchmod(opened, mode)
