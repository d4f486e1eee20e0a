"""A Dask cluster on the small Slurm, whose jobs leave what they write in a folder of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import pytest
from dask_jobqueue import SLURMCluster

from sundbench.slurm.small.configuration import PARTITION

if TYPE_CHECKING:
    from sundbench.slurm.small.cluster import SmallSlurm


@pytest.fixture(scope="module")
def at_home(slurm: SmallSlurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home and working directory of who submits jobs."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in slurm.environment.items():
            patch.setenv(name, value)
        patch.setenv("HOME", str(home))
        patch.setenv("TMPDIR", str(home))  # where workers spill
        patch.chdir(home)
        # After so long a lost worker is replaced: the default is for networks that falter.
        with dask.config.set(
            {
                "distributed.deploy.lost-worker-timeout": "1s",
                "jobqueue.slurm.interface": slurm.interface,
            }
        ):
            yield home


@pytest.fixture(scope="module")
def cluster(at_home: Path) -> Iterator[SLURMCluster]:
    """Dask's scheduler, which submits jobs of one worker with one thread: none yet."""
    with SLURMCluster(
        queue=PARTITION,
        cores=1,
        memory="1 GB",
        security=True,
        shared_temp_directory=str(at_home),
        scheduler_options={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as cluster:
        yield cluster
