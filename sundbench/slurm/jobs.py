"""Jobs of Slurm: begun, looked at, cancelled."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sundbench.errors import ClusterError
from sundbench.slurm.accounts import Account
from sundbench.slurm.commands import ask

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9._,-]{1,64}")
_TIME_LEFT = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+)")
GONE: Final = "GONE"
"""The state of a job that Slurm has forgotten: it ended some minutes ago."""

WAITING: Final = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"})
RUNNING: Final = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
)
OVER: Final = ("Invalid job id", "already completing or completed")
"""What scancel says of a job that has ended."""


@dataclass(frozen=True)
class Wanted:
    """What a job is to have.

    Attributes:
        name: what the queue shows, to everybody on the cluster.
        cores, memory: of its one node; memory in bytes.
        time: after which Slurm ends it.
        log: the file on its node to which it speaks.
        partition: of the cluster; None for Slurm's default.
        charge: whom Slurm's accounting charges; None for the account's default.
    """

    name: str
    cores: int
    memory: int
    time: timedelta
    log: Path
    partition: str | None = None
    charge: str | None = None

    def __post_init__(self) -> None:
        """Refuse what sbatch would read as something else.

        Raises:
            ClusterError: a name, a partition or an account that is no plain word; or no time at all.
        """
        if not _NAME.fullmatch(self.name):
            raise ClusterError(f"a job can't be called {self.name!r}")
        for what, word in (("partition", self.partition), ("account", self.charge)):
            if word is not None and not _WORD.fullmatch(word):
                raise ClusterError(f"{what} {word!r}: not a name of Slurm's; mend the settings")
        if "%" in str(self.log):
            raise ClusterError(f"{self.log}: Slurm would replace the % in it")
        if self.time <= timedelta(0):
            raise ClusterError(f"job {self.name} would have no time")

    @property
    def options(self) -> list[str]:
        """The same as options of sbatch."""
        options = [
            f"--job-name={self.name}",
            "--nodes=1",
            "--ntasks=1",
            f"--cpus-per-task={self.cores}",
            f"--mem={math.ceil(self.memory / 2**20)}M",
            # Slurm counts whole minutes: never more than was asked for, but one at least.
            f"--time={max(1, int(self.time.total_seconds() // 60))}",
            f"--output={self.log}",
            "--open-mode=append",
            "--chdir=/",
            "--no-requeue",
            # All of `commands.environment`. With NONE, or a list, the node runs the account's log-in shell.
            "--export=ALL",
        ]
        options += [f"--partition={self.partition}"] if self.partition else []
        return options + ([f"--account={self.charge}"] if self.charge else [])


@dataclass(frozen=True)
class State:
    """What Slurm says of a job.

    Attributes:
        name: in Slurm's words, such as ``PENDING``; ``GONE`` where it knows the job no more.
        reason: why it waits or ended, in Slurm's words; empty where it gives none.
        node: where it runs; empty before.
    """

    name: str
    reason: str = ""
    node: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is still to begin."""
        return self.name in WAITING

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.name not in WAITING and self.name not in RUNNING


def submit(script: str, wanted: Wanted, account: Account | None = None) -> int:
    """Begin a job.

    Args:
        script: what its node runs. Slurm keeps it where its administrators read it: no secrets.
        wanted: what it is to have.
        account: under which it runs; None for this process's own.

    Returns:
        The job's number.

    Raises:
        ClusterError: Slurm refuses it, or this process may not begin it for another account.
    """
    whose = []
    if account is not None and account.uid != os.getuid():
        if os.geteuid() != 0:
            raise ClusterError(f"jobs under account {account.name} are begun by root: run it as root")
        whose = [f"--uid={account.uid}", f"--gid={account.gid}"]
    said = ask("sbatch", "--parsable", *whose, *wanted.options, given=script)
    return int(said.strip().partition(";")[0])


def look(job: int) -> State:
    """Ask what became of a job.

    Raises:
        SlurmSilentError: the controller doesn't answer.
    """
    return look_at([job])[job]


def look_at(jobs: Collection[int]) -> dict[int, State]:
    """Ask once what became of several jobs.

    Raises:
        SlurmSilentError: the controller doesn't answer.
    """
    numbers = ",".join(map(str, jobs))
    try:
        said = ask("squeue", "--noheader", "--states=all", "--format=%A|%T|%r|%N", f"--jobs={numbers}")
    except ClusterError as error:
        if "Invalid job id" not in str(error):
            raise
        said = ""
    found = dict.fromkeys(jobs, State(GONE))
    for line in said.splitlines():
        job, name, reason, node = (part.strip() for part in line.split("|"))
        found[int(job)] = State(name, "" if reason == "None" else reason, node)
    return found


def address(node: str) -> str:
    """Where the other nodes reach a node.

    Raises:
        ClusterError: Slurm doesn't know it.
    """
    said = ask("scontrol", "--oneliner", "show", "node", node)
    found = re.search(r"\bNodeAddr=(\S+)", said)
    return found[1] if found else node


def end_by(until: datetime) -> None:
    """Have Slurm end the job that this process runs in at a time, if it would let it go on for longer.

    A job's time limit counts from when it begins, and before that it may have waited long.

    Raises:
        ClusterError: less than a minute is left, or Slurm refuses.
    """
    job = os.environ["SLURM_JOB_ID"]
    left = until - datetime.now(UTC)
    if left < timedelta(minutes=1):
        raise ClusterError("the cluster's queue: its time was over before the job began")
    said = _TIME_LEFT.fullmatch(ask("squeue", "--noheader", "--format=%L", f"--jobs={job}").strip())
    if said and timedelta(**{unit: int(part) for unit, part in said.groupdict("0").items()}) <= left:
        return  # Slurm lets nobody but its operators lengthen a limit
    ask("scontrol", "update", f"JobId={job}", f"TimeLimit={left // timedelta(minutes=1)}")


def cancel(job: int) -> None:
    """End a job, if it hasn't; who may is Slurm's to say.

    Raises:
        SlurmSilentError: the controller doesn't answer.
        ClusterError: this account may not.
    """
    try:
        ask("scancel", str(job))
    except ClusterError as error:
        if not any(over in str(error) for over in OVER):
            raise
