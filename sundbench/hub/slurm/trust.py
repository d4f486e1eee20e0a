"""What a job takes from its letter: nothing that leads out of its own project, or to another's programs.

The hub writes letters. Its account has no right to a project's data, nor to run anything as the project's
account, so whoever takes the hub over must not get either by what a letter says.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.slurm.letter import Letter
from sundbench.hub.workspaces.history import history
from sundbench.site import Site
from sundbench.slurm import folders
from sundbench.slurm.accounts import known


def require_own(letter: Letter, path: Path) -> None:
    """See that a letter is of this job's own project, and leads to its folders alone.

    Args:
        letter: as it was read.
        path: where it lay: the gate has put it below the installation, into the account's own folder.

    Raises:
        HubError: it isn't. The message repeats nothing of it.
    """
    given, site = letter.assignment, Site(letter.home, "")
    account = known(given.permit)
    if account is None or account.uid != os.getuid() or path.parent != folders.letters(site, account):
        raise HubError(f"letter {path}: not for account {pwd.getpwuid(os.getuid()).pw_name}")
    project, user = given.permit, given.user
    leads = [
        (given.workspace, site.workspaces / project),
        (given.history, history(site, project).folder),
        (given.scratch, site.scratch / project / user),
        (given.outbox, site.outboxes / project / user),
    ]
    if given.extract is not None:
        leads.append((given.extract.folder, site.extracts / project / given.extract.folder.name))
    if given.synthetic is not None:
        leads.append((given.synthetic.folder, site.synthetic / project))
    one_name = Path(user).name == user
    if not one_name or any(there != own or ".." in own.parts for there, own in leads):
        raise HubError(f"letter {path}: it leads out of its project's folders")
    for content in letter.content.values():
        _require_installed(content)


def _require_installed(folder: Path) -> None:
    """See that only those can write to a folder of policies who can write to this program.

    Raises:
        HubError: others can.
    """
    makers = {0, Path(__file__).stat().st_uid}
    for place in (folder, *folder.parents):
        found = place.lstat()
        # From a sticky folder nobody takes what is another's; but anybody puts into it what they like.
        kept = place != folder and found.st_mode & stat.S_ISVTX
        others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not kept
        if found.st_uid not in makers or others or stat.S_ISLNK(found.st_mode):
            raise HubError(f"{folder}: others than root could have written it, at {place}")
