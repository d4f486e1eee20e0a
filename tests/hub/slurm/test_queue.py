"""What Slurm says of all jobs, asked for once for all who want to know."""

import asyncio
import threading

import pytest

from sundbench.hub.slurm import queue


def test_an_answer_that_was_on_its_way_does_not_know_a_job_that_was_begun_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else whoever starts while others look is told that the job has ended."""
    asked, begun = threading.Event(), threading.Event()

    def squeue() -> str:
        if not asked.is_set():
            asked.set()
            begun.wait(10)
            return "1|sb-one|RUNNING|None|n1\n"
        return "1|sb-one|RUNNING|None|n1\n2|sb-two|PENDING|Resources|\n"

    monkeypatch.setattr(queue, "_squeue", squeue)

    async def both() -> None:
        slurm = queue.Queue()
        other = asyncio.create_task(slurm.state(1))
        await asyncio.to_thread(asked.wait, 10)
        slurm.begun()
        begun.set()
        assert (await slurm.state(2)).name == "PENDING"
        assert (await other).name == "RUNNING"

    asyncio.run(both())
