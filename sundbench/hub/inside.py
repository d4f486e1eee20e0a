"""The first program of a Python kernel in its sandbox: fits the process to its limits, then is the kernel.

What counts processors and memory by itself (Polars, BLAS, Dask's ``LocalCluster``) sees a limit only where it
looks for one. Processors are an affinity, which all of them honour; memory is ``RLIMIT_RSS``, which Linux
ignores and Dask reads. Neither enforces anything: the sandbox does.
"""

from __future__ import annotations

import os
import random
import resource
import sys

DASHBOARD = "/run/kernel/dash.sock"
"""Where the kernel's Dask dashboard listens: the server beside it shows it to its owner."""


def fit(cores: int, memory: int) -> None:
    """Let what runs here see its share of the machine.

    Args:
        cores: processors to use; drawn anew for each kernel, so that kernels don't crowd the same ones.
        memory: bytes.
    """
    there = sorted(os.sched_getaffinity(0))
    if cores < len(there):
        os.sched_setaffinity(0, random.sample(there, cores))  # a fair share, not a secret
    resource.setrlimit(resource.RLIMIT_RSS, (memory, memory))


def main() -> None:
    """Fit to the limits that the sandbox says it has, and run the kernel."""
    memory = int(os.environ["SUNDBENCH_MEMORY"])
    # Dask's workers may fill what they are told there is; the kernel beside them needs some of it.
    fit(max(1, round(float(os.environ["SUNDBENCH_CORES"]))), memory - memory // 8)
    os.environ["DASK_DISTRIBUTED__SCHEDULER__PRELOAD"] = '["sundbench.hub.dask_dashboard"]'
    from ipykernel.kernelapp import launch_new_instance

    startup = "--InteractiveShellApp.extra_extensions=sundbench.hub.kernel_startup"
    launch_new_instance([*sys.argv[1:], startup])


if __name__ == "__main__":
    main()
