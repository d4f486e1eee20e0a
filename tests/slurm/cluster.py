"""A small Slurm on one machine: munged, slurmctld and a slurmd for each node, in a folder of its own.

    with running(nodes=2) as slurm:
        slurm.run("sbatch", "job.sh")

The programs are Debian's (slurm-wlm, munge); whatever speaks to it needs ``slurm.environment``. Slurm books
cores and memory here and enforces neither: that takes cgroups, which not every machine gives.

All of it lives in a process namespace whose first process (daemons.py) holds the other end of a pipe: when
this process ends, however it ends, daemons and jobs are killed and the folder is removed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

DAEMONS = Path(__file__).with_name("daemons.py")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare")
PARTITION = "batch"
SYSTEM_PATH = (
    f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # where daemons are, not in everybody's PATH
)
READY_SECONDS = 60
APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "slave")
"""A process namespace: mounts made outside later (network namespaces) are seen in it, its own stay inside."""

CONFIGURATION = """
ClusterName=small
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# A node has the cores and the memory that stand here, whatever the machine has.
SlurmdParameters=config_overrides
# Jobs start and end at once: Slurm otherwise waits some seconds, for the sake of large clusters.
SchedulerParameters=batch_sched_delay=0,sched_interval=1
CompleteWait=0
KillWait=2
ReturnToService=2
"""


class NoSlurmError(Exception):
    """Slurm can't be run here; says what is missing."""


@dataclass(frozen=True)
class SmallSlurm:
    """A cluster that runs.

    Attributes:
        folder: its configuration, state and logs.
        nodes: its nodes' names.
    """

    folder: Path
    nodes: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """What sbatch, squeue and the rest need to find it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        """Run a command of Slurm's and give what it printed."""
        done = subprocess.run(
            command,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    def logs(self) -> str:
        """The last lines of every daemon's log."""
        tails = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-8:]
            tails.append("\n".join([f"== {log.name}", *lines]))
        return "\n".join(tails)


def missing() -> str | None:
    """What a small Slurm lacks on this machine; None if nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if absent:
        return f"no {', '.join(absent)}: install Debian's slurm-wlm and munge (make system)"
    if os.geteuid() != 0:
        return "Slurm's daemons start jobs as other users: run as root"
    tried = subprocess.run([*APART, "true"], check=False, capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no process namespaces: {tried.stderr.strip()}"


@contextmanager
def running(nodes: int = 2, cores: int = 1, memory_mib: int = 4000) -> Iterator[SmallSlurm]:
    """Start a cluster, and stop it with its jobs.

    Args:
        nodes: how many; they are called n1, n2 and so on, in the partition ``PARTITION``.
        cores: of a node.
        memory_mib: of a node.

    Raises:
        NoSlurmError: something is missing, or the nodes didn't come up (with the daemons' last words).
    """
    lacking = missing()
    if lacking:
        raise NoSlurmError(lacking)
    # Not below pytest's own folder: a socket's path is short, and root's folders are closed to `munge`.
    slurm = SmallSlurm(
        Path(tempfile.mkdtemp(prefix="sb-slurm-")), tuple(f"n{n}" for n in range(1, nodes + 1))
    )
    with ExitStack() as started:
        started.callback(shutil.rmtree, slurm.folder, ignore_errors=True)
        _lay_out(slurm, cores, memory_mib)
        first = subprocess.Popen(
            [*APART, sys.executable, str(DAEMONS), str(slurm.folder), *slurm.nodes],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=started.enter_context((slurm.folder / "daemons.log").open("wb")),
            env=os.environ | slurm.environment | {"PATH": SYSTEM_PATH},
            start_new_session=True,  # Ctrl-C is for pytest, which closes the pipe
        )
        started.callback(first.wait, timeout=30)
        assert first.stdin is not None
        started.callback(first.stdin.close)
        _await_nodes(slurm, first)
        yield slurm


def _lay_out(slurm: SmallSlurm, cores: int, memory_mib: int) -> None:
    """Write the key and the configuration."""
    folder, host = slurm.folder, socket.gethostname().partition(".")[0]
    folder.chmod(0o755)
    (folder / "state").mkdir()
    for node in slurm.nodes:
        (folder / node).mkdir()
    munge = folder / "munge"
    munge.mkdir()
    key = munge / "key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    for path in (munge, key):
        shutil.chown(path, "munge", "munge")
    controller_port, *ports = _free_ports(1 + len(slurm.nodes))
    lines = [CONFIGURATION.format(host=host, controller_port=controller_port, folder=folder)]
    lines += [
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
        f" CPUs={cores} RealMemory={memory_mib}"
        for node, port in zip(slurm.nodes, ports, strict=True)
    ]
    lines.append(f"PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
    (folder / "slurm.conf").write_text("\n".join(lines) + "\n")


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _await_nodes(slurm: SmallSlurm, first: subprocess.Popen[bytes]) -> None:
    """Wait until every node is idle."""
    until = time.monotonic() + READY_SECONDS
    seen = ""
    while time.monotonic() < until and first.poll() is None:
        try:
            seen = slurm.run("sinfo", "--noheader", "--Node", "--format=%T")
        except subprocess.CalledProcessError as error:
            seen = str(error.stderr)
        if seen.split() == ["idle"] * len(slurm.nodes):
            return
        time.sleep(0.2)
    raise NoSlurmError(f"the small Slurm doesn't start; sinfo says {seen.strip()!r}\n{slurm.logs()}")
