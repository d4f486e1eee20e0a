"""A kernel fits itself to the limits of its sandbox, for libraries that ask the machine."""

import subprocess
import sys

FITTED = """
import os, resource
from sundbench.hub.inside import fit
fit(1, 300 << 20)
from distributed.system import MEMORY_LIMIT
from dask.system import CPU_COUNT
print(CPU_COUNT, len(os.sched_getaffinity(0)), MEMORY_LIMIT >> 20)
"""


def test_dask_and_polars_see_the_share_of_the_machine() -> None:
    told = subprocess.run([sys.executable, "-c", FITTED], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["1", "1", "300"]
