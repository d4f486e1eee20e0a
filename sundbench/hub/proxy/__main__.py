"""The proxy's program, ``python -m sundbench.hub.proxy``; its arguments are those that JupyterHub gives."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from sundbench.hub.proxy.passing import LARGEST, Proxy

_AT_ONCE = 2000
"""Requests that may wait for their answers together. Tornado's own number is 10: ten slow answers, and nobody
else's request would be passed on."""
_SECONDS = 600.0


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    asked = _arguments(arguments)
    logging.basicConfig(level=asked.log_level, format="[%(levelname)s %(asctime)s proxy] %(message)s")
    AsyncHTTPClient.configure(
        "tornado.simple_httpclient.SimpleAsyncHTTPClient",
        defaults={"request_timeout": _SECONDS, "connect_timeout": 20.0},
        max_clients=_AT_ONCE,
        max_body_size=LARGEST,
        max_buffer_size=LARGEST,
    )
    token = os.environ.pop("CONFIGPROXY_AUTH_TOKEN", "")
    if not token:
        sys.exit("sundbench.hub.proxy: no CONFIGPROXY_AUTH_TOKEN: the hub starts the proxy")
    proxy = Proxy(token=token, error_target=asked.error_target, public_url=asked.public_url)
    HTTPServer(proxy.proxy_app, max_body_size=LARGEST, max_buffer_size=LARGEST).listen(asked.port, asked.ip)
    HTTPServer(proxy.api_app).listen(asked.api_port, asked.api_ip)
    IOLoop.current().start()


def _arguments(arguments: list[str]) -> argparse.Namespace:
    reading = argparse.ArgumentParser(prog="sundbench.hub.proxy", allow_abbrev=False)
    reading.add_argument("--ip", default="127.0.0.1")
    reading.add_argument("--port", type=int, required=True)
    reading.add_argument("--api-ip", default="127.0.0.1")
    reading.add_argument("--api-port", type=int, required=True)
    reading.add_argument("--error-target", required=True)
    reading.add_argument("--log-level", default="INFO", type=str.upper)
    reading.add_argument("--public-url", default="")
    return reading.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
