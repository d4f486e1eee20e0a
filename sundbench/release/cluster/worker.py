"""A worker's job on its node: ``python -m sundbench.release.cluster.worker FOLDER MEMBER``.

It stands outside the worker's sandbox: it holds the fence's keys, and the sandbox holds none.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path

from sundbench.errors import SundbenchError
from sundbench.release import content
from sundbench.release.cluster.fence import fenced, listener
from sundbench.release.cluster.inside.ways import LISTENER, MEMBER, MEMBERS
from sundbench.release.cluster.letter import LETTER, NET, STUDY, Letter
from sundbench.release.cluster.limits import fitted
from sundbench.release.cluster.trust import require_own
from sundbench.release.kernel_environment import confined_environment
from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import read
from sundbench.slurm.jobs import address, end_by
from sundbench.slurm.runs import OUT

log = logging.getLogger("sundbench.release.cluster")

PROGRAM = ("-m", "sundbench.release.cluster.inside.worker")


def last_words(out: Path, member: int) -> str:
    """Why a worker has failed, in its own words; empty where it has left none."""
    with contextlib.suppress(OSError):
        return _words(out, member).read_text(encoding="utf-8")
    return ""


def _words(out: Path, member: int) -> Path:
    return out / f"words-{member}"


def main(folder: Path, member: int) -> int:
    """Work for the run until it ends, and leave word where that goes wrong."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s worker {member}: %(message)s")
    words = _words(folder / OUT, member)
    words.unlink(missing_ok=True)  # of the job that was here before
    try:
        ending = work(folder, member)
    except SundbenchError as error:
        ending = str(error)
    if ending is None:
        return 0
    log.info("%s", ending)
    words.write_text(ending, encoding="utf-8")
    return 1


def work(folder: Path, member: int) -> str | None:
    """Hold a worker's fence and sandbox.

    Returns:
        Why the worker has failed; None where it hasn't.

    Raises:
        SundbenchError: it can't be begun.
    """
    letter = Letter.read(folder / LETTER)
    require_own(letter, folder)  # read anew: what the run's job looked at may have been exchanged
    end_by(letter.until)
    members = letter.resources.workers + 1
    with tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as made:
        sockets, scratch = Path(made) / "net", Path(made) / "scratch"
        for path in (sockets, scratch):
            path.mkdir(mode=0o755)
        visitors = listener(sockets)
        own = {MEMBER: str(member), MEMBERS: str(members), LISTENER: str(visitors.fileno())}
        with fenced(folder / OUT / NET, member, members, sockets, address(os.environ["SLURMD_NODENAME"])):
            worker = start(
                fitted(read(content.kernels() / "worker"), letter.resources),
                [sys.executable, *PROGRAM],
                mounts={
                    "extract": letter.extract.folder,
                    "study": folder / STUDY / letter.study,
                    "scratch": scratch,
                    "net": sockets,
                },
                environment={**confined_environment({}), **own},
                pass_fds=[visitors.fileno()],
                name=f"worker {member}",
            )
            code = worker.wait()
    return worker.ending if code else None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
