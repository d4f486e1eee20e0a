"""The proxy's program, ``python -m sundbench.hub.proxy``; its arguments are those that JupyterHub gives."""

from __future__ import annotations

import argparse
import logging
import os
import ssl
import sys
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from sundbench.hub.proxy import tls
from sundbench.hub.proxy.passing import LARGEST, Proxy
from sundbench.hub.server_names import known_to_tornado

_AT_ONCE = 2000
"""Requests that may wait for their answers together. Tornado's own number is 10: ten slow answers, and nobody
else's request would be passed on."""
_SECONDS = 600.0


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    asked = _arguments(arguments)
    logging.basicConfig(level=asked.log_level, format="[%(levelname)s %(asctime)s proxy] %(message)s")
    onward = _asking(asked)
    known_to_tornado()
    AsyncHTTPClient.configure(
        "tornado.simple_httpclient.SimpleAsyncHTTPClient",
        defaults={"request_timeout": _SECONDS, "connect_timeout": 20.0, "ssl_options": onward},
        max_clients=_AT_ONCE,
        max_body_size=LARGEST,
        max_buffer_size=LARGEST,
    )
    token = os.environ.pop("CONFIGPROXY_AUTH_TOKEN", "")
    if not token:
        sys.exit("sundbench.hub.proxy: no CONFIGPROXY_AUTH_TOKEN: the hub starts the proxy")
    public = tls.Pair(asked.ssl_key, asked.ssl_cert) if asked.ssl_cert else None
    proxy = Proxy(
        token=token,
        error_target=asked.error_target,
        public_url=asked.public_url,
        encrypts=public is not None,
        by_host=asked.host_routing,
        onward=onward,
    )
    front = tls.for_browsers(public) if public else None
    HTTPServer(proxy.proxy_app, ssl_options=front, max_body_size=LARGEST, max_buffer_size=LARGEST).listen(
        asked.port, asked.ip
    )
    HTTPServer(proxy.api_app, ssl_options=_demanding(asked)).listen(asked.api_port, asked.api_ip)
    loop = IOLoop.current()
    if front is not None and public is not None:
        loop.spawn_callback(tls.keep_fresh, front, public)
    loop.start()


def _demanding(asked: argparse.Namespace) -> ssl.SSLContext | None:
    if asked.api_ssl_cert is None:
        return None
    return tls.demanding(tls.Pair(asked.api_ssl_key, asked.api_ssl_cert), asked.api_ssl_ca)


def _asking(asked: argparse.Namespace) -> ssl.SSLContext | None:
    if asked.client_ssl_cert is None:
        return None
    return tls.asking(tls.Pair(asked.client_ssl_key, asked.client_ssl_cert), asked.client_ssl_ca)


def _arguments(arguments: list[str]) -> argparse.Namespace:
    reading = argparse.ArgumentParser(prog="sundbench.hub.proxy", allow_abbrev=False)
    reading.add_argument("--ip", default="127.0.0.1")
    reading.add_argument("--port", type=int, required=True)
    reading.add_argument("--api-ip", default="127.0.0.1")
    reading.add_argument("--api-port", type=int, required=True)
    reading.add_argument("--error-target", required=True)
    reading.add_argument("--log-level", default="INFO", type=str.upper)
    reading.add_argument("--public-url", default="")
    reading.add_argument("--host-routing", action="store_true")
    for whose in ("", "api-", "client-"):
        for what in ("key", "cert", "ca"):
            reading.add_argument(f"--{whose}ssl-{what}", type=Path)
    return reading.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
