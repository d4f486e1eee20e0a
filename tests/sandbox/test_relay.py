"""The audit writer's socket as a server has it: the same socket, whichever writer answers."""

import asyncio
import time
from pathlib import Path

from sundbench.sandbox import relay
from sundbench.sandbox.pace import Pace
from sundbench.sandbox.relay import CONNECTIONS, relaying


async def _ask(socket: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(line)
    try:
        return await reader.readline()
    except ConnectionResetError:  # closed before it read the question
        return b""
    finally:
        writer.close()


async def _writer(socket: Path, name: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name + b" has " + await reader.readline())
        writer.close()

    return await asyncio.start_unix_server(answer, socket)


def test_a_writer_that_is_started_again_is_reached_again(short: Path) -> None:
    target, socket = short / "writer.sock", short / "audit.sock"

    async def told() -> list[bytes]:
        answers = []
        async with relaying(socket, target):
            assert socket.stat().st_mode & 0o777 == 0o600
            answers.append(await _ask(socket, b"one\n"))
            for name in (b"first", b"second"):
                server = await _writer(target, name)
                answers.append(await _ask(socket, b"two\n"))
                server.close()
                target.unlink(missing_ok=True)
        assert not socket.exists()
        return answers

    assert asyncio.run(told()) == [b"", b"first has two\n", b"second has two\n"]


def test_a_server_takes_few_of_the_writers_connections(short: Path) -> None:
    """The writer has 512 for all: with all of them taken nobody on the installation could work."""
    target, socket = short / "writer.sock", short / "audit.sock"

    async def held() -> int:
        server = await _writer(target, b"writer")
        async with relaying(socket, target):
            open_now = [await asyncio.open_unix_connection(socket) for _ in range(30)]
            async with asyncio.timeout(60):
                while sum(not reader.at_eof() for reader, _ in open_now) > CONNECTIONS:
                    await asyncio.sleep(0.01)
                answered = 0
                for reader, writer in open_now:
                    if not reader.at_eof():
                        writer.write(b"mine\n")
                        answered += await reader.readline() == b"writer has mine\n"
                    writer.close()
                while not await _ask(socket, b"again\n"):
                    await asyncio.sleep(0.01)
        server.close()
        return answered

    assert asyncio.run(held()) == CONNECTIONS


def test_a_flood_is_passed_on_slowly(short: Path) -> None:
    """What a server has recorded stays on the disk that everybody's records need."""
    target, socket = short / "writer.sock", short / "audit.sock"
    got = 0

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal got
        while piece := await reader.read(65536):
            got += len(piece)

    async def flood(socket: Path) -> None:
        _, writer = await asyncio.open_unix_connection(socket)
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async def passed() -> None:
        server = await asyncio.start_unix_server(swallow, target)
        async with relaying(socket, target, pace=Pace(100_000, relay.RATE)):
            began = time.monotonic()
            floods = [asyncio.create_task(flood(socket)) for _ in range(4)]
            await asyncio.sleep(1)
            for one in floods:
                one.cancel()
            await asyncio.gather(*floods, return_exceptions=True)
            took = time.monotonic() - began
        server.close()
        assert 100_000 <= got < 100_000 + took * relay.RATE + 4 * 65536, "and one piece of each"

    asyncio.run(passed())
