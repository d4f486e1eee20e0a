"""Unix accounts under which a cluster runs a project's jobs: one a permit, without log-in.

A person's own account reads no extract, and one project's account not another's: what a job may read follows
from whom it runs as, on every node, whatever goes wrong in the programs above. Numbers are never used again:
an account outlives its permit.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from sundbench import aside
from sundbench.errors import ClusterError
from sundbench.site import Site

PREFIX = "sb-"
_DIGITS = 10
FIRST = 1000
"""Smaller numbers are the system's own (login.defs, ``UID_MIN``)."""
_KEPT = TypeAdapter(dict[str, tuple[int, int]])
_SHELLS = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"})


@dataclass(frozen=True)
class Account:
    """The account of one permit.

    Attributes:
        permit: whose jobs run under it.
        name: of the account, and of its own group.
        uid, gid: the same on every node.
    """

    permit: str
    name: str
    uid: int
    gid: int


def name_of(permit: str) -> str:
    """The name of a permit's account: always 13 characters, which every system takes.

    A digest, because everybody on a cluster can read whose jobs wait in its queue.
    """
    return PREFIX + hashlib.sha256(permit.encode()).hexdigest()[:_DIGITS]


def account(site: Site, permit: str) -> Account:
    """The account that was set up for a permit.

    Raises:
        ClusterError: none was, it can be logged into, or the machine knows it by other numbers.
    """
    noted = _read(site).get(permit)
    if noted is None:
        raise ClusterError(f"permit {permit} has no account here: sundbench hub accounts --set-up, as root")
    found = known(permit)
    if found is None or (found.uid, found.gid) != noted:
        said = "isn't known here" if found is None else f"is {found.uid}:{found.gid} here"
        raise ClusterError(
            f"account {name_of(permit)} {said}, and was set up as {noted[0]}:{noted[1]}: every machine of "
            "the cluster must have the same"
        )
    return found


def noted(site: Site) -> frozenset[str]:
    """The permits whose accounts were set up.

    Raises:
        ClusterError: what was kept can't be read.
    """
    return frozenset(_read(site))


def known(permit: str) -> Account | None:
    """A permit's account as this machine knows it; None where it doesn't.

    Raises:
        ClusterError: it is no account for jobs: one can log in, or it is the system's.
    """
    name = name_of(permit)
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    if found.pw_uid < FIRST or found.pw_gid < FIRST:
        raise ClusterError(f"account {name} has a number below {FIRST}: make it anew with another")
    if found.pw_shell not in _SHELLS:
        raise ClusterError(
            f"account {name} has the shell {found.pw_shell}: usermod -s /usr/sbin/nologin {name}"
        )
    return Account(permit, name, found.pw_uid, found.pw_gid)


def create(permit: str) -> Account:
    """Make a permit's account on this machine, unless it is there; for root.

    Raises:
        ClusterError: it can't be made.
    """
    there = known(permit)
    if there is not None:
        return there
    name = name_of(permit)
    command = [
        *("useradd", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
        *("--shell", "/usr/sbin/nologin", "--comment", "project of Sundbench", name),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the name is a digest
            command,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ClusterError(f"useradd: {error.strerror}: make account {name} by hand") from error
    made = known(permit)  # perhaps by another set-up, which was quicker
    if made is None:
        raise ClusterError(f"account {name} can't be made: {done.stderr.strip()}")
    return made


def note(site: Site, made: Account) -> None:
    """Keep which account a permit has; for root.

    Raises:
        ClusterError: the permit has another already, or another permit has this one.
    """
    with aside.alone(site.root / "accounts.lock"):
        _note(site, made)


def _note(site: Site, made: Account) -> None:
    kept = _read(site)
    if kept.get(made.permit, (made.uid, made.gid)) != (made.uid, made.gid):
        raise ClusterError(
            f"permit {made.permit} was set up with {kept[made.permit][0]}:{kept[made.permit][1]}, not "
            f"{made.uid}:{made.gid}: give account {made.name} its old numbers"
        )
    others = [permit for permit, ids in kept.items() if permit != made.permit and made.uid == ids[0]]
    if others:
        raise ClusterError(f"permits {made.permit} and {others[0]} would share an account: {made.name}")
    kept[made.permit] = (made.uid, made.gid)
    path = _path(site)
    # Others may write to the folder: the name aside is one that they can't know, and the file is new.
    with aside.file(path, mode=0o600) as file:
        file.write((json.dumps(kept, indent=1, sort_keys=True) + "\n").encode())
        os.fchmod(file.fileno(), 0o644)  # whatever the umask


def forget(site: Site) -> None:
    """Keep no account: permits are set up anew, with whatever numbers this machine now has.

    For a demonstration, whose accounts come and go. On a real site an account's old number would own files.
    """
    _path(site).unlink(missing_ok=True)


def _path(site: Site) -> Path:
    return site.root / "accounts.json"


def _read(site: Site) -> dict[str, tuple[int, int]]:
    """What is kept, if the one who wrote it was root, or who reads."""
    path = _path(site)
    try:
        # The folder may be the hub's account's, which could put a link or a pipe there.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
            at = os.fstat(file.fileno())
            trusted = stat.S_ISREG(at.st_mode) and at.st_uid in {0, os.geteuid()} and at.st_nlink == 1
            if not trusted or at.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ClusterError(f"{path}: others than root could have written it: chown root, chmod 644")
            return _KEPT.validate_json(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it isn't what root has written"
        raise ClusterError(f"{path}: can't be read ({what}): restore it from a copy") from error
