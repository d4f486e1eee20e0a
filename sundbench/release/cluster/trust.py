"""What a run's job takes from its letter: nothing that leads out of its own project.

The account that orders runs has no right to a project's data: who takes it over must not get them by what a
letter says.
"""

from __future__ import annotations

import os
from pathlib import Path

from sundbench.errors import ReleaseError
from sundbench.release.cluster.letter import STUDY, Letter
from sundbench.site import Site
from sundbench.slurm import runs
from sundbench.slurm.accounts import known


def require_own(letter: Letter, folder: Path) -> None:
    """See that a letter is of this job's own project, and leads to its extract and study alone.

    Args:
        letter: as it was read.
        folder: where it lay: the gate has made it below the installation, in the account's own folder.

    Raises:
        ReleaseError: it isn't. The message repeats nothing of it.
    """
    site = Site(folder.parents[3], "")
    account, extract = known(letter.permit), letter.extract.folder
    own = (
        account is not None
        and account.uid == os.getuid()
        and folder == runs.folder_of(site, account, letter.run)
        and extract == site.extracts / letter.permit / extract.name
        and ".." not in extract.parts
        and not any(path.is_symlink() for path in (folder / STUDY, folder / STUDY / letter.study, extract))
    )
    if not own:
        raise ReleaseError(f"its letter, which leads out of its project's folders: {folder}")
