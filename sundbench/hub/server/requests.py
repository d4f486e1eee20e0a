"""What requests hold, and how refusals are answered: the same at every address.

Jupyter's handlers take what is sent for what they expect: JSON of another shape ends in a traceback and
status 500, and some of them make a refusal that comes from within a fault of the server's.
"""

from __future__ import annotations

import json
from typing import Any

import json5
from jupyter_server.base.handlers import APIHandler
from jupyterlab_server.settings_handler import SettingsHandler
from jupyterlab_server.workspaces_handler import WorkspacesHandler
from tornado.web import Application, HTTPError

from sundbench.errors import HubError
from sundbench.hub.server.routes import rules

_TEXTS = ("copy_from", "ext", "format", "kernel_id", "language", "name", "path", "type", "version", "why")
_NEVER_NULL = ("kernel", "notebook", "path")


def checked(body: object) -> dict[str, Any]:
    """What a request holds, if its parts have the shapes that all addresses expect of them.

    Args:
        body: from its JSON.

    Raises:
        HTTPError: 400 with a line that says what is of another shape.
    """
    if not isinstance(body, dict):
        raise HTTPError(400, "the request must be an object in JSON: {...}")
    for name in _NEVER_NULL:
        if body.get(name, "") is None:
            raise HTTPError(400, f"{name} must not be null: leave it out")
    for name in _TEXTS:
        _must_be(body, name, str, "a text")
    for name in ("kernel", "notebook"):
        _must_be(body, name, dict, "an object")
        for part in ("id", "name", "path"):
            _must_be(body.get(name) or {}, part, str, "a text", f"{name}.")
    _must_be(body, "chunk", int, "a number")
    return body


def _must_be(part: dict[str, Any], name: str, kind: type, words: str, where: str = "") -> None:
    value = part.get(name)
    if value is not None and not isinstance(value, kind):
        raise HTTPError(400, f"{where}{name} must be {words}")


def _must_be_lab_s(body: bytes, handler: SettingsHandler | WorkspacesHandler) -> None:
    """See that settings of JupyterLab, or the layout of its page, have the shape that it gives them."""
    try:
        sent = json.loads(body)
        if isinstance(handler, WorkspacesHandler):
            fine = isinstance(sent["metadata"]["id"], str)
        else:
            fine = isinstance(json5.loads(sent["raw"]), dict)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        fine = False
    if not fine:
        raise HTTPError(400, "neither settings nor a layout as JupyterLab writes them")


class Plain(APIHandler):
    """Goes before one of Jupyter's handlers."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Let in what is whole: some handlers read JSON by themselves, and take it for what they expect."""
        await super().prepare()
        if self.request.method == "PUT" and isinstance(self, (SettingsHandler, WorkspacesHandler)):
            _must_be_lab_s(self.request.body, self)

    def get_json_body(self) -> dict[str, Any] | None:
        """The request's content; 400 if it isn't what it should be."""
        try:
            body = super().get_json_body()
        except UnicodeDecodeError as error:
            raise HTTPError(400, "the request is not text in UTF-8") from error
        return checked(body) if self.request.body else None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:  # noqa: ANN401 - tornado's
        """Answer with the refusal from within, not with the fault that was made of it."""
        fault = (kwargs.get("exc_info") or (None, None))[1]
        why = fault.__cause__ if fault is not None and status_code == 500 else None
        if isinstance(why, HubError):
            why = HTTPError(503, str(why).replace("%", "%%"), reason="The kernel can't be started")
        if isinstance(why, HTTPError):
            status_code, kwargs["exc_info"] = why.status_code, (type(why), why, why.__traceback__)
        super().send_error(status_code, **kwargs)


def make_plain(application: Application) -> None:
    """Put `Plain` before every handler of an API; their names stay, since lists are kept of them."""
    for rule in rules(application):
        target = rule.target
        if isinstance(target, type) and issubclass(target, APIHandler):
            names = {"__module__": target.__module__, "__qualname__": target.__qualname__}
            rule.target = type(target.__name__, (Plain, target), names)
