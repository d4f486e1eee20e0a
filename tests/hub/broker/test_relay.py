"""The audit writer's socket as a server has it: the same socket, whichever writer answers."""

import asyncio
from pathlib import Path

from sundbench.hub.relay import relaying


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
