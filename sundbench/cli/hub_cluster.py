"""``sundbench hub cluster``: a small Slurm cluster on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Annotated

import typer
from rich.markup import escape

from sundbench.cli.screen import screen


def cluster(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND ...]", help="Run this with the cluster, and stop it after."),
    ] = None,
    nodes: Annotated[int, typer.Option(help="How many: n1, n2 and so on.", min=1, max=200)] = 2,
    cores: Annotated[int, typer.Option(help="Of a node, as Slurm books them.", min=1)] = 1,
    memory: Annotated[int, typer.Option(help="Of a node, in MiB, as Slurm books it.", min=100)] = 4000,
) -> None:
    """Make a small Slurm cluster on this machine, to try jobs on: real daemons, invented nodes.

    It needs root, and Debian's slurm-wlm, munge and iproute2. Each node has a network namespace: it reaches
    the other nodes and this machine, and nothing else. Nodes show this machine's files. Slurm books cores and
    memory and enforces neither. Ctrl-C ends daemons and jobs, and leaves nothing; several may run at once.

    Examples:
      sundbench hub cluster --nodes 3
      sundbench hub cluster -- sinfo
      sundbench hub cluster -- sundbench run STUDY --permit PERMIT --on slurm --workers 2
    """
    from sundbench.errors import HubError
    from sundbench.slurm.small.cluster import NoSlurmError, running

    # Who is asked to end stops the cluster as who is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(nodes, cores, memory) as slurm:
            if command:
                done = subprocess.run(command, env=os.environ | slurm.environment, check=False)  # noqa: S603
                raise typer.Exit(done.returncode)
            names = ", ".join(f"{node} ({slurm.address(node)})" for node in slurm.nodes)
            screen.print(f"nodes: {names}\nthis machine, seen from them: {slurm.host_address}")
            for name, value in slurm.environment.items():
                screen.print(f"\n  export {name}={escape(value)}", soft_wrap=True)
            screen.print("  sinfo\n  sbatch --wrap hostname\n\nCtrl-C stops it and every job on it.")
            signal.pause()
    except NoSlurmError as error:
        raise HubError(str(error)) from error
    except FileNotFoundError as error:
        raise HubError(f"no program {error.filename}: name one that is there after --") from error
    except KeyboardInterrupt:
        screen.print("the cluster is stopped")
