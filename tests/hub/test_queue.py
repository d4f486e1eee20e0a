"""Starts wait for each other; nobody is turned away, and nobody is passed over."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.hub.queue import StartQueue, Ticket


async def turns(places: int, count: int, cancelled: set[int]) -> tuple[list[int], int]:
    """Let so many in; the order of their turns, and how many had a place at once at most."""
    queue = StartQueue(places)
    order: list[int] = []
    inside = most = 0

    async def one(number: int) -> None:
        nonlocal inside, most
        async with queue.place(Ticket()):
            order.append(number)
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                inside -= 1

    tasks = [asyncio.ensure_future(one(number)) for number in range(count)]
    await asyncio.sleep(0)
    for number in cancelled:
        tasks[number].cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    async with asyncio.timeout(1), queue.place(Ticket()):  # every place was given back
        pass
    return order, most


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 4), st.integers(1, 12), st.data())
def test_first_come_first_served_whoever_gives_up(places: int, count: int, data: Any):
    cancelled = data.draw(st.sets(st.integers(0, count - 1)))

    order, most = asyncio.run(turns(places, count, cancelled))

    assert order == sorted(order)
    assert most <= places
    assert set(order) >= set(range(count)) - cancelled


def test_the_waiting_know_how_many_are_ahead():
    async def ahead() -> list[int]:
        queue = StartQueue(1)
        tickets = [Ticket() for _ in range(3)]

        async def wait(ticket: Ticket) -> None:
            async with queue.place(ticket):
                await asyncio.sleep(0)

        async with queue.place(Ticket()):
            tasks = [asyncio.ensure_future(wait(ticket)) for ticket in tickets]
            await asyncio.sleep(0)
            told = [queue.ahead(ticket) for ticket in tickets]
            assert all(queue.waits(ticket) for ticket in tickets)
        await asyncio.gather(*tasks)
        assert not any(queue.waits(ticket) for ticket in tickets)
        return told

    assert asyncio.run(ahead()) == [0, 1, 2]
