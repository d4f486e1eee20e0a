"""A small server of a test's own, in a thread, for what is tested to pass requests on to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application


@contextlib.contextmanager
def answering(
    handlers: list[tuple[str, Any]], port: int, context: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Answer at a port until the block ends.

    Args:
        handlers: Tornado's, by the patterns of their paths.
        port: of this machine itself.
        context: with which it speaks TLS; None: it doesn't.
    """
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def listen() -> None:
        HTTPServer(Application(handlers), ssl_options=context).listen(port, "127.0.0.1")
        ready.set()

    def serve() -> None:
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
