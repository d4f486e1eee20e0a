"""An allowance that fills up again."""

import asyncio
import time

import pytest

from sundbench.sandbox.pace import Pace


def test_a_burst_goes_at_once_and_the_rest_slowly() -> None:
    pace = Pace(burst=10, rate=100)

    async def taken() -> float:
        began = time.monotonic()
        for _ in range(30):
            await pace.take()
        return time.monotonic() - began

    assert 0.15 < asyncio.run(taken()) < 2


def test_who_comes_later_waits_longer() -> None:
    pace = Pace(burst=1, rate=10)
    waits = [pace.debt(1) for _ in range(4)]
    assert waits == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.01)


def test_it_is_taken_or_it_is_not() -> None:
    pace = Pace(burst=2, rate=20)
    assert [pace.take_if_there() for _ in range(3)] == [True, True, False]
    time.sleep(0.06)
    assert pace.take_if_there()
