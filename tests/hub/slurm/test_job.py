"""A job on its node: what it leaves when it is killed, and when it must end."""

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.slurm.job import _end_at
from sundbench.hub.slurm.runtime import PREFIX, folder_on_the_node

ANOTHER = """
import sys, time
from pathlib import Path
from sundbench.hub.slurm.runtime import folder_on_the_node
with folder_on_the_node(Path(sys.argv[1])) as made:
    (made / "k").mkdir()
    print(made, flush=True)
    time.sleep(600)
"""


def test_a_killed_job_s_folder_goes_and_no_other(short: Path):
    jobs = [
        subprocess.Popen([sys.executable, "-c", ANOTHER, str(short)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, living = [Path(str(job.stdout and job.stdout.readline()).strip()) for job in jobs]
    spared = short / "somebody's", short / f"{PREFIX}link", short / f"{PREFIX}file"
    spared[0].mkdir()
    spared[1].symlink_to(spared[0])
    spared[2].touch()
    jobs[0].kill()
    jobs[0].wait()
    assert killed.is_dir()
    try:
        with folder_on_the_node(short) as own:
            assert {own, living, *spared} == set(short.iterdir())
        assert not own.exists()
    finally:
        jobs[1].terminate()
        jobs[1].wait()


def test_a_node_without_the_folder_says_so(short: Path):
    with pytest.raises(HubError, match="give every node such a folder"), folder_on_the_node(short / "absent"):
        pass


def test_a_folder_with_too_long_a_path_is_not_left(short: Path):
    deep = short / ("x" * 90)
    deep.mkdir()
    with pytest.raises(HubError, match="set SUNDBENCH_RUNTIME"), folder_on_the_node(deep):
        pass
    assert not list(deep.iterdir())


def test_it_ends_when_its_permit_does():
    async def working() -> None:
        asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
        ending = asyncio.create_task(_end_at(datetime.now(UTC) + timedelta(milliseconds=50)))
        await asyncio.wait_for(asked.wait(), 10)
        await ending

    asyncio.run(working())
