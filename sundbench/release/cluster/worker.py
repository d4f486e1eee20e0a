"""A worker's job on its node: ``python -m sundbench.release.cluster.worker FOLDER MEMBER``.

It stands outside the worker's sandbox: it holds the fence's keys, and the sandbox holds none.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

from sundbench.errors import SundbenchError
from sundbench.release import content
from sundbench.release.cluster.fence import fenced, listener
from sundbench.release.cluster.inside.ways import LISTENER, MEMBER, MEMBERS
from sundbench.release.cluster.letter import LETTER, NET, OUT, STUDY, Letter
from sundbench.release.cluster.limits import fitted
from sundbench.release.kernel import confined_environment
from sundbench.sandbox.launch import start
from sundbench.sandbox.policy import read
from sundbench.slurm.jobs import address, end_by

log = logging.getLogger("sundbench.release.cluster")

PROGRAM = ("-m", "sundbench.release.cluster.inside.worker")


def main(folder: Path, member: int) -> int:
    """Work for the run until it ends."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s worker {member}: %(message)s")
    letter = Letter.read(folder / LETTER)
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
    log.info("the worker %s", worker.ending)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
    except SundbenchError as error:
        sys.exit(str(error))
