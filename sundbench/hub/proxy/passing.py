"""How requests are passed on: who asks is what the connection says; what comes bit by bit goes on so."""

from __future__ import annotations

import ssl
from urllib.parse import quote, urlsplit

from configurable_http_proxy.configproxy import PythonProxy
from configurable_http_proxy.handlers import ProxyHandler
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, parse_response_start_line
from tornado.iostream import StreamClosedError
from tornado.netutil import is_valid_ip
from tornado.web import Application, HTTPError
from tornado.websocket import WebSocketClientConnection, websocket_connect

LARGEST = 64 * 2**20
"""Bytes of the largest request, answer and message; servers behind the proxy have their own, lower limits."""

_FORWARDED = (
    *("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto"),
    *("X-Real-Ip", "X-Scheme"),
)
_OF_THE_CONNECTION = {
    *("connection", "content-encoding", "content-length", "keep-alive", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}
"""Headers of one connection alone (RFC 9110, 7.6.1), and of a body that was read and is sent anew."""
_ONCE = {"content-security-policy", "content-type", "date", "server", "x-content-type-options"}


class Proxy(PythonProxy):  # type: ignore[misc]  # has no types
    """The table of routes, and the two applications around it.

    Args:
        token: what the hub shows to change the routes.
        error_target: the hub's page for what can't be reached.
        public_url: how browsers reach the site where something stands in front; empty where nothing does.
        encrypts: this proxy speaks TLS with browsers itself, so that nothing stands in front.
        by_host: routes begin with the host that a browser asks for.
        onward: TLS towards what requests are passed on to; None: without.
    """

    def __init__(
        self,
        *,
        token: str,
        error_target: str,
        public_url: str,
        encrypts: bool = False,
        by_host: bool = False,
        onward: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__({"auth_token": token, "error_target": error_target, "host_routing": by_host})
        self.behind_another = bool(public_url) and not encrypts
        self.scheme = "https" if encrypts else urlsplit(public_url).scheme or "http"
        self.onward = onward
        self.public_url = public_url
        self.proxy_app = Application(
            [(r"/(.*)", PassingHandler, {"proxy": self})], websocket_max_message_size=LARGEST
        )

    def target_for_req(self, host: str | None, path: str) -> dict[str, str] | None:
        """Where a request is passed on to; a host that nobody has asked routes for leads nowhere."""
        where = (host, f"/{path}") if self.host_routing else (None, path)
        found: dict[str, str] | None = super().target_for_req(*where)
        return found

    def is_the_hub_elsewhere(self, prefix: str, host: str) -> bool:
        """Whether a request goes to the hub by another host's name than its own, where hosts differ."""
        return self.host_routing and prefix == "/" and host != urlsplit(self.public_url).hostname


class PassingHandler(ProxyHandler):  # type: ignore[misc]
    """One request, or one websocket."""

    def initialize(self, proxy: Proxy) -> None:
        """Tornado's."""
        super().initialize(proxy=proxy)
        self.ws_client: WebSocketClientConnection | None = None
        self._early: list[str | bytes | None] = []

    def set_default_headers(self) -> None:
        """What every answer says whose server doesn't say more itself, down to files, errors and redirects.

        What is shown in a frame of the same origin can be read there, and with it the tokens of its path.
        """
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.set_header("X-Content-Type-Options", "nosniff")

    @property
    def address(self) -> str:
        """Whose request it is.

        Without another proxy in front it is the connection's; with one it is the last address in
        ``X-Forwarded-For``, which that proxy has added. What a browser claims of itself is never believed.
        """
        peer = str(self.request.remote_ip)
        last = self.request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return last if self.proxy.behind_another and is_valid_ip(last) else peer

    def _get_proxy_request(self, url: str) -> HTTPRequest:
        request: HTTPRequest = super()._get_proxy_request(url)
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            if name not in _FORWARDED and name.lower() not in _OF_THE_CONNECTION:
                headers.add(name, value)
        headers["X-Real-Ip"] = headers["X-Forwarded-For"] = self.address
        headers["X-Forwarded-Proto"] = self.proxy.scheme
        request.headers = headers
        request.request_timeout = None  # the client's own
        request.ssl_options = self.proxy.onward
        return request

    async def get_target_url(self, path: str | None) -> str | None:
        """Where the request is passed on to; None where an error was answered."""
        path = path or ""
        self.target = self.proxy.target_for_req(self._host, path)
        if self.target is None:
            await self.handle_proxy_error(404, None)
            return None
        if self.proxy.is_the_hub_elsewhere(self.target["prefix"], self._host):
            # What a person's server shows must never be of one origin with the hub's log-in.
            if self.request.method != "GET" or "Upgrade" in self.request.headers:
                raise HTTPError(404)
            self.redirect(
                str(
                    urlsplit(self.proxy.public_url)
                    ._replace(path=quote(f"/{path}"), query=self.request.query)
                    .geturl()
                )
            )
            return None
        there = urlsplit(self.target["target"])
        onward = there.path.rstrip("/") + "/" + quote(path).lstrip("/")
        return str(there._replace(path=onward, query=self.request.query).geturl())

    @property
    def _host(self) -> str:
        return str(self.request.host_name).lower().rstrip(".")

    async def call_proxy(self, path: str | None = None) -> None:
        """Pass on a request; the answer at once where it is one that goes on."""
        if "text/event-stream" not in self.request.headers.get("Accept", ""):
            await super().call_proxy(path)
            return
        url = await self.get_target_url(path)
        if url is None:
            return
        request = self._get_proxy_request(url)
        request.header_callback, request.streaming_callback = self._head, self._piece
        try:
            await AsyncHTTPClient().fetch(request, raise_error=False)
        except StreamClosedError:
            return  # nobody listens any more
        except Exception as error:
            if not self._headers_written:
                await self.handle_proxy_error(503, error)
                return
        if not self._finished:
            self.finish()

    def _head(self, line: str) -> None:
        line = line.rstrip("\r\n")
        if line.startswith("HTTP/"):
            self.set_status(parse_response_start_line(line).code)
            return
        name, _, value = line.partition(":")
        if not name or name.lower() in _OF_THE_CONNECTION:
            return
        (self.set_header if name.lower() in _ONCE else self.add_header)(name, value.strip())

    def _piece(self, piece: bytes) -> None:
        self.write(piece)
        self.flush()

    async def start_ws_client(self, path: str | None = None) -> None:
        """Open the line to the server, in the protocol that the page speaks."""
        self.closed = False
        url = await self.get_target_url(path)
        if url is None:
            return
        request = self._get_proxy_request(url.replace("http", "ws", 1))
        for name in [name for name in request.headers if name.lower().startswith("sec-websocket-")]:
            if name != "Sec-Websocket-Protocol":
                del request.headers[name]
        try:
            self.ws_client = await websocket_connect(
                request, on_message_callback=self._from_server, max_message_size=LARGEST
            )
        except HTTPClientError as error:
            self.set_status(error.code)
            self.finish()
        except Exception as error:
            await self.handle_proxy_error(503, error)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The protocol that the server has chosen."""
        chosen: str | None = self.ws_client.selected_subprotocol if self.ws_client else None
        return chosen if chosen in subprotocols else None

    def open(self, *_: str) -> None:
        """Give the page what the server said before the page could hear it."""
        for message in self._early:
            self._from_server(message)
        self._early.clear()

    def _from_server(self, message: str | bytes | None) -> None:
        if self.closed:
            self._leave()
        elif self.ws_connection is None:
            self._early.append(message)
        elif message is None:
            self.close()  # the page notices, and connects again
        else:
            self.proxy.update_last_activity(self.target["prefix"])
            self.write_message(message, binary=isinstance(message, bytes))

    def on_message(self, message: str | bytes) -> None:
        """Pass on what the page says, as the kind of message that it was."""
        if self.ws_client is not None:
            self.proxy.update_last_activity(self.target["prefix"])
            self.ws_client.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        """Close the line to the server as well."""
        self.closed = True
        self._leave()

    def _leave(self) -> None:
        line, self.ws_client = self.ws_client, None
        if line is not None:
            line.close()
