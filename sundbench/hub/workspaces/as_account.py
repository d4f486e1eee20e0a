"""Errands in a project's trees, run by its account: ``python -I -m sundbench.hub.workspaces.as_account``.

Where projects have accounts, their trees are these accounts', and root that worked in them could be led by
whoever has the account: by links laid between a look and a step, by what a repository configures. So root
sends its errand to a process that holds nothing of root's and takes the account's rights before it looks at
anything. The account can stop what runs for it, and says what is in its trees: the answer is bounded in time
and size, and is data.
"""

from __future__ import annotations

import argparse
import io
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from sundbench.errors import HubError, SundbenchError
from sundbench.hub.workspaces import bundles
from sundbench.hub.workspaces.errands import ERRAND, VERSIONS, AnyErrand, Versions, perform
from sundbench.hub.workspaces.history import MOST, Version, history
from sundbench.site import Site
from sundbench.slurm.accounts import Account, account, noted

PATIENCE = 900.0
"""Seconds that an errand may take; git has less."""
_TOLD: Final = 16 * 2**20
_BLOCK: Final = 1 << 20
_LONGEST: Final = 300  # characters of a message
_TOOLS: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
_NOTHING: Final = Path(os.devnull)


def owner(site: Site, permit: str) -> Account | None:
    """The account whose a project's trees are; None where this process works in them as itself.

    Raises:
        ClusterError: it was set up, and isn't known here.
    """
    return account(site, permit) if os.geteuid() == 0 and permit in noted(site) else None


def do(site: Site, errand: AnyErrand, given: Path = _NOTHING, to: BinaryIO | None = None) -> bytes:
    """Do something in a project's trees, as the account whose they are.

    Args:
        site: the installation.
        errand: what.
        given: a file that it is about, which the account needn't be let read.
        to: a file that takes what it answers.

    Returns:
        What it answers, where no file takes it.

    Raises:
        HubError: it can't be done, or takes too long.
        ClusterError: the account isn't known here.
    """
    whose = owner(site, errand.permit)
    answer = to or io.BytesIO()
    if whose is None:
        perform(site, errand, given, answer)
    else:
        _send(site, whose, errand, given, answer)
    return answer.getvalue() if isinstance(answer, io.BytesIO) else b""


def versions(site: Site, permit: str, path: str = "", most: int = 50) -> list[Version]:
    """What was recorded of a workspace's path, newest first.

    Raises:
        HubError, ClusterError: as `do`.
    """
    if not history(site, permit).repository.parent.is_dir():
        return []
    try:
        return VERSIONS.validate_json(do(site, Versions(permit=permit, path=path, most=most)))
    except ValidationError as error:
        raise HubError(f"{permit}: what its account says of its versions can't be read") from error


def _send(site: Site, whose: Account, errand: AnyErrand, given: Path, to: BinaryIO) -> None:
    """Have an account's process run an errand."""
    with _opened(given) as file, tempfile.TemporaryFile() as asked:
        asked.write(errand.model_dump_json().encode())
        asked.seek(0)
        program = (sys.executable, "-I", "-m", __name__, "--home", str(site.root))
        ids = ("--uid", str(whose.uid), "--gid", str(whose.gid))
        with subprocess.Popen(  # noqa: S603 - this module
            [*program, *ids, *([] if given == _NOTHING else ["--given", str(file)])],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(file,),
            env=_TOOLS,
            cwd="/",
            start_new_session=True,
        ) as doing:
            try:
                said = _listen(whose, doing, to)
            except BaseException:
                os.killpg(doing.pid, signal.SIGKILL)
                raise
    if doing.returncode:
        last = (said.decode(errors="replace").splitlines() or [f"exit code {doing.returncode}"])[-1]
        raise HubError("".join(sign if sign.isprintable() else "?" for sign in last[:_LONGEST]))


@contextmanager
def _opened(given: Path) -> Iterator[int]:
    """A copy that the account may read: a file of root's, by a link that somebody has laid, is none."""
    try:
        file = os.open(given, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise HubError(f"{given}: {error.strerror}") from error
    try:
        if given != _NOTHING and not bundles.is_one(file):
            raise HubError(f"{given}: damaged, or no copy of a workspace: take an older one")
        yield file
    finally:
        os.close(file)


def _listen(whose: Account, doing: subprocess.Popen[bytes], to: BinaryIO) -> bytes:
    """Take what a process answers until it ends; what it says beside that is returned."""
    until = time.monotonic() + PATIENCE
    most = _TOLD if isinstance(to, io.BytesIO) else 2 * MOST
    said = io.BytesIO()
    with selectors.DefaultSelector() as pipes:
        pipes.register(doing.stdout or -1, selectors.EVENT_READ, to)
        pipes.register(doing.stderr or -1, selectors.EVENT_READ, said)
        while pipes.get_map():
            ready = pipes.select(max(0.0, until - time.monotonic()))
            if not ready or time.monotonic() > until:
                raise HubError(f"account {whose.name} takes longer than {PATIENCE:.0f} s for its own files")
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK)
                most -= len(block)
                if most < 0:
                    raise HubError(f"account {whose.name} says more than there can be to say")
                if not block:
                    pipes.unregister(key.fileobj)
                key.data.write(block)
    try:
        doing.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise HubError(f"account {whose.name} doesn't end what it was asked") from error
    return said.getvalue()


def _become(uid: int, gid: int) -> None:
    """Take an account's rights, for good.

    Here, and not when the process begins: the account needn't be able to read the Python that root's is, and
    a process that was root's isn't another's to look into.
    """
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(0o077)


def main(arguments: list[str]) -> int:
    """Run the one errand of standard input; what it is about comes by a descriptor."""
    reading = argparse.ArgumentParser(prog="sundbench.hub.workspaces.as_account", allow_abbrev=False)
    reading.add_argument("--home", type=Path, required=True)
    reading.add_argument("--uid", type=int, required=True)
    reading.add_argument("--gid", type=int, required=True)
    reading.add_argument("--given", type=int)
    told = reading.parse_args(arguments)
    _become(told.uid, told.gid)
    site = Site(told.home, "")
    errand = ERRAND.validate_json(sys.stdin.buffer.read(_TOLD))
    try:
        with ExitStack() as files:
            given = _NOTHING
            if told.given is not None:  # root's file, which git here could not open by its name
                beside = history(site, errand.permit).folder
                own = files.enter_context(tempfile.NamedTemporaryFile(dir=beside, prefix=".given."))
                with os.fdopen(told.given, "rb") as file:
                    shutil.copyfileobj(file, own, _BLOCK)
                own.flush()
                given = Path(own.name)
            perform(site, errand, given, sys.stdout.buffer)
    except (SundbenchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
