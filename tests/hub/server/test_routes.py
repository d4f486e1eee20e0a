"""Every address of every Jupyter package is judged, and what is closed stays closed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tornado.web import Application, RequestHandler

from sundbench.hub.server.routes import REFUSED, SERVED, RefusedHandler, close, qualified, rules


class LaterHandler(RequestHandler):
    """One that an update brings along."""


def test_what_nobody_has_judged_is_closed() -> None:
    application = Application([("/later", LaterHandler)])

    unknown = close(application)

    assert unknown == [f"{LaterHandler.__module__}.LaterHandler"]
    assert [rule.target for rule in rules(application)] == [RefusedHandler]


def test_no_handler_is_on_both_lists() -> None:
    assert not SERVED & REFUSED


ALL_OF_THEM = """
import json, sys
from jupyter_server.serverapp import ServerApp
from sundbench.hub.server.routes import qualified, rules
app = ServerApp(root_dir=sys.argv[1], port=0, open_browser=False)
app.initialize(argv=[], new_httpserver=False)
handlers = {qualified(rule.target) for rule in rules(app.web_app)}
print(json.dumps([sorted(app.jpserver_extensions), sorted(handlers)]))
"""


def test_every_handler_of_every_installed_extension_was_judged(tmp_path: Path) -> None:
    """With a package that registers a new handler this fails, until somebody puts it on one of the lists."""
    places = {f"JUPYTER_{name}_DIR": str(tmp_path) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}

    done = subprocess.run(
        [sys.executable, "-c", ALL_OF_THEM, str(tmp_path)],
        env=environment | places,
        capture_output=True,
        text=True,
        check=True,
    )

    extensions, handlers = json.loads(done.stdout.splitlines()[-1])
    assert {"jupyterlab", "jupyter_lsp", "jupyter_server_proxy", "jupyter_server_terminals"} <= set(
        extensions
    )
    assert set(handlers) - SERVED - REFUSED == set()
    assert len(handlers) > 50


def test_the_server_has_nothing_that_is_not_on_the_list(running) -> None:
    handlers = {qualified(rule.target) for rule in rules(running.app.web_app)}

    assert handlers - SERVED == {"sundbench.hub.server.routes.RefusedHandler"}
    assert running.app.extension_manager.extensions.keys() == {"jupyterlab", "sundbench.hub.server.extension"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "files/analysis.ipynb"),
        ("GET", "files/analysis.ipynb?download=1"),
        ("GET", "view/analysis.ipynb"),
        ("GET", "nbconvert/html/analysis.ipynb?download=true"),
        ("POST", "nbconvert/html"),
        ("GET", "api/nbconvert"),
        ("GET", "api/terminals"),
        ("POST", "api/terminals"),
        ("GET", "terminals/websocket/1"),
        ("GET", "lab/api/news"),
        ("GET", "lab/api/update"),
        ("GET", "lab/api/extensions"),
        ("POST", "lab/api/extensions"),
        ("POST", "lab/api/plugins"),
        ("POST", "lab/api/build"),
        ("GET", "lsp/status"),
        ("GET", "proxy/8081/hub/api"),
        ("GET", "proxy/absolute/8081/hub"),
        ("GET", "server-proxy/servers-info"),
        ("GET", "voila/render/analysis.ipynb"),
        ("POST", "api/shutdown"),
        ("GET", "metrics"),
        ("GET", "api/resolvePath"),
        ("POST", "api/events"),
        ("PUT", "api/config/notebook"),
        ("GET", "api/spec.yaml"),
        ("GET", "custom/custom.css"),
    ],
)
def test_closed_addresses_give_nothing(running, method: str, path: str) -> None:
    running.notebooks.joinpath("analysis.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )

    status, headers, content = running.ask(method, path, {} if method != "GET" else None)

    assert status in {403, 404, 405}
    assert "Content-Disposition" not in headers
    assert b"nbformat" not in content


def test_a_download_that_was_refused_is_recorded(running) -> None:
    running.ask("GET", "files/table.csv?download=1")

    assert running.writer.last("download.refused", "/files/table.csv")
