"""A kernel's Dask dashboard, shown to the server's owner at ``sundbench/dask/<kernel>/``.

Behind the socket is whatever the kernel's code put there, so it is treated as such: the request brings it no
cookie and no token, and of its answer only what a page is made of comes through, under the server's own
headers. Nothing but this socket can be reached: there is no proxy to ports.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_server_proxy.handlers import ProxyHandler, RewritableResponse
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError

from sundbench.hub.server.headers import HEADERS, IN_A_FRAME

SOCKET = "dash.sock"
"""The name of the dashboard's socket in a kernel's folder of sockets."""

ADDRESS = r"/sundbench/dask/(?P<kernel_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<path>.*)"

_TYPES = (
    "application/javascript",
    "application/json",
    "font/",
    "image/",
    "text/css",
    "text/html",
    "text/javascript",
)
_TO_KERNEL = {
    "Accept",
    "Accept-Language",
    "Cache-Control",
    "Host",
    "Origin",
    "Sec-Websocket-Extensions",
    "Sec-Websocket-Key",
    "Sec-Websocket-Protocol",
    "Sec-Websocket-Version",
    "User-Agent",
}
_TO_PAGE = {"Cache-Control", "Content-Encoding", "Content-Type", "Etag", "Last-Modified", "Location", "Vary"}


class DaskHandler(ProxyHandler):  # type: ignore[misc]
    """Shows one kernel's dashboard."""

    auth_resource = "dask"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - tornado's
        kwargs["rewrite_response"] = only_a_page
        kwargs["update_last_activity"] = False  # figures that move by themselves are nobody's work
        super().__init__(*args, **kwargs)

    async def prepare(self) -> None:
        """Let the owner in, and nobody else."""
        await super().prepare()
        if not self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource):
            raise HTTPError(403)
        if self.request.method not in {"GET", "HEAD"}:
            raise HTTPError(405)
        # With this header the proxy would pass the kernel's own headers on.
        if "text/event-stream" in self.request.headers.get("Accept", ""):
            raise HTTPError(406)
        self.proxy_base = f"sundbench/dask/{self.path_kwargs['kernel_id']}"

    async def http_get(self, kernel_id: str, path: str) -> None:
        """A page, or a part of one."""
        with self._socket(kernel_id):
            await self.proxy("localhost", 0, path or "status")

    async def head(self, kernel_id: str, path: str) -> None:
        """The same without content."""
        await self.http_get(kernel_id, path)

    async def open(self, kernel_id: str, path: str) -> None:
        """The line on which figures are kept up to date."""
        with self._socket(kernel_id):
            await self.proxy_open("localhost", 0, path)

    @contextlib.contextmanager
    def _socket(self, kernel_id: str) -> Iterator[None]:
        """The kernel's socket itself, held by a descriptor: a link in its place could lead to another's."""
        if kernel_id not in self.kernel_manager:
            raise HTTPError(404, "no such kernel")
        folder = Path(self.kernel_manager.get_kernel(kernel_id).ip).parent
        try:
            descriptor = os.open(folder / SOCKET, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise HTTPError(404, "this kernel has no Dask cluster") from error
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                raise HTTPError(404, "this kernel has no Dask cluster")
            self.unix_socket = f"/proc/self/fd/{descriptor}"
            yield
        finally:
            os.close(descriptor)

    def proxy_request_headers(self) -> HTTPHeaders:
        """What the kernel's code is told: no cookie, no token."""
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            if name in _TO_KERNEL:
                headers.add(name, value)
        return headers


def only_a_page(response: RewritableResponse) -> None:
    """Leave of an answer what a page is made of."""
    headers = HTTPHeaders()
    for name, value in HTTPHeaders(response.headers).get_all():
        if name in _TO_PAGE:
            headers.add(name, value)
    kind = headers.get("Content-Type", "")
    if response.code == 200 and not kind.startswith(_TYPES):
        response.code, response.body = 403, b"The dashboard shows pages, not files."
        headers["Content-Type"] = "text/plain"
        headers.pop("Content-Encoding", None)
    if not headers.get("Location", "/").startswith(("/", "./", "status")) or headers.get(
        "Location", ""
    ).startswith("//"):
        del headers["Location"]
    for name, value in HEADERS.items():
        headers[name] = value
    headers["Content-Security-Policy"] = IN_A_FRAME
    response.headers = headers
