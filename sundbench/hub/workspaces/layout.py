"""What a workspace holds when somebody starts to work in it: a place for each member, and one for all."""

from __future__ import annotations

import logging
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.server.tree import NotThereError, Tree
from sundbench.hub.workspaces.history import NOBODY, history
from sundbench.registers.catalogue import Text
from sundbench.release import content
from sundbench.sandbox.ownership import hand_over
from sundbench.site import Site

log = logging.getLogger(__name__)

SHARED, MEMBERS = "shared", "members"
README = "README.md"

_README = """\
# {da}

*English below.*

| mappe | til |
|---|---|
| `shared` | fælles kode: alle projektets medlemmer læser og skriver her |
| `members/<brugernavn>` | hvert medlems egen plads; de andre kan læse med |

Hver gang nogen gemmer, beholdes den forrige udgave under den gemmendes navn: intet går tabt, når en \
kollega skriver oveni. Find den i JupyterLab under **Sundbench → Tidligere udgaver**.

Her ligger kode og tekst, ikke data. Resultater af registerdata gemmes ikke i notebooks; det, der skal ud af \
projektet, lægges i `/outbox` og godkendes.

# {en}

| folder | for |
|---|---|
| `shared` | shared code: all members of the project read and write here |
| `members/<user name>` | each member's own place; the others can read it |

Each time somebody saves, the version before is kept under the name of who saves: nothing is lost when a \
colleague writes over it. Find it in JupyterLab under **Sundbench → Earlier versions**.

Code and text live here, not data. Results of register data are not saved in notebooks; what is to leave \
the project goes to `/outbox` and is reviewed.
"""


def prepare(site: Site, permit: str, title: Text, user: str) -> Path:
    """Make what is missing of a project's workspace: its folders, a member's own, welcome notebooks.

    Args:
        site: the installation.
        permit: the project.
        title: its title, for the first page.
        user: the member who starts to work.

    Returns:
        The workspace.
    """
    workspace = site.workspaces / permit
    workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    tree = Tree(workspace)
    if not _there(tree, README):
        tree.write(README, _README.format(da=title.da, en=title.en).encode())
    for folder in (SHARED, MEMBERS):
        tree.make_folder(folder)
    own = f"{MEMBERS}/{user}"
    if not _there(tree, own):
        tree.make_folder(own)
        for notebook in sorted((content.kernels() / "welcome").glob("*.ipynb")):
            tree.write(f"{own}/{notebook.name}", notebook.read_bytes())
    hand_over(workspace)
    try:
        history(site, permit).record([README, own], NOBODY)
    except HubError as error:  # versions are full, say: one member must not keep the others from working
        log.error("version not kept: %s", error)  # noqa: TRY400 - a line, not a traceback
    return workspace


def foreign(path: str, user: str) -> bool:
    """Whether a path is another member's own place, or all of them: a user reads it and doesn't change it."""
    names = [name for name in path.split("/") if name]
    return names[:1] == [MEMBERS] and names[1:2] != [user]


def _there(tree: Tree, path: str) -> bool:
    try:
        tree.entry(path)
    except NotThereError:
        return False
    return True
