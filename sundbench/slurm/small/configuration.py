"""What the small cluster's daemons read: munge's key and slurm.conf."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from sundbench.slurm.small.network import CONTROLLER, address

PARTITION = "batch"
CONTROLLER_NAME = "control"

_CONFIGURATION = """
ClusterName=small
SlurmctldHost={controller}({address})
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
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
# Who asks a controller that is down hears so in seconds.
MessageTimeout=3
KillWait=2
# A node that doesn't answer is down after so many seconds, and back as soon as it answers.
SlurmdTimeout=20
ReturnToService=2
"""


def write(folder: Path, network: int, nodes: tuple[str, ...], cores: int, memory_mib: int) -> None:
    """Write the key and the configuration, with the folders that they name."""
    folder.chmod(0o755)
    (folder / "state").mkdir()
    for node in nodes:
        (folder / node).mkdir()
    munge = folder / "munge"
    munge.mkdir()
    key = munge / "key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    for path in (munge, key):
        shutil.chown(path, "munge", "munge")
    lines = [
        _CONFIGURATION.format(
            controller=CONTROLLER_NAME, address=address(network, CONTROLLER), folder=folder
        ),
        *(
            f"NodeName={node} NodeAddr={address(network, number)} CPUs={cores} RealMemory={memory_mib}"
            for number, node in enumerate(nodes, 1)
        ),
        f"PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
    ]
    (folder / "slurm.conf").write_text("\n".join(lines) + "\n")
