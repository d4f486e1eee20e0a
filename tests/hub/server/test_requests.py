"""What isn't a request that makes sense is answered so, and never with a fault of the server's."""

import json

import pytest
from tornado.web import HTTPError

from sundbench.hub.server.requests import checked

from .conftest import Running

JSON = {"Content-Type": "application/json"}
NONSENSE = [
    [],
    "text",
    5,
    {"path": 5},
    {"path": None},
    {"name": ["register-data"]},
    {"type": {}},
    {"type": []},
    {"kernel": None},
    {"kernel": "register-data"},
    {"kernel": {"name": 5}},
    {"copy_from": 5},
    {"ext": 5},
    {"format": 5, "type": "file", "content": []},
    {"chunk": "x", "type": "file", "format": "text", "content": "x"},
    {"type": "notebook", "content": 5, "path": 5},
    {"type": "file", "content": 5},
    {"kernel_id": 5},
    {"language": 5, "name": 5, "why": 5},
]


@pytest.mark.parametrize("body", NONSENSE, ids=json.dumps)
def test_nonsense_is_the_askers_fault(running: Running, body: object) -> None:
    made = running.json("GET", "api/kernels")
    running.ask("DELETE", "api/contents/nonsense.py")
    for method, path in (
        ("PUT", "api/contents/nonsense.py"),
        ("PUT", "api/contents/nonsense.ipynb"),
        ("POST", "api/contents/nowhere"),
        ("PATCH", "api/contents/nonsense.py"),
        ("POST", "api/sessions"),
        ("PATCH", "api/sessions/none"),
        ("POST", "sundbench/versions"),
        ("POST", "sundbench/packages"),
    ):
        status, _, said = running.ask(method, path, body, **JSON)
        assert 400 <= status < 500, (method, path, status, said)
    if not isinstance(body, dict) or {"path", "name", "kernel_id"} & body.keys():
        status, _, said = running.ask("POST", "api/kernels", body, **JSON)
        assert status == 400, (status, said)
        assert json.loads(said)["message"]
    assert running.json("GET", "api/kernels") == made


@pytest.mark.parametrize(
    "body",
    [[], "text", 5, None, {}, {"metadata": []}, {"metadata": {}}, {"metadata": {"id": 5}}],
    ids=json.dumps,
)
def test_a_layout_of_another_shape_is_the_askers_fault(running: Running, body: object) -> None:
    status, _, said = running.ask("PUT", "lab/api/workspaces/mine", body, **JSON)
    assert status == 400, said
    layout = {"data": {}, "metadata": {"id": "mine"}}
    assert running.ask("PUT", "lab/api/workspaces/mine", layout, **JSON)[0] == 204


def test_settings_of_another_shape_are_the_askers_fault(running: Running) -> None:
    for body in ([], 5, {}, {"raw": 5}, {"raw": "["}):
        status, _, said = running.ask(
            "PUT", "lab/api/settings/@jupyterlab/apputils-extension:themes", body, **JSON
        )
        assert status == 400, (body, status, said)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(HTTPError, match=r"kernel\.name must be a text"):
        checked({"kernel": {"name": 5}})


def test_a_notebook_as_jupyterlab_sends_it_is_fine() -> None:
    model = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "format": "json", "content": {}}
    model |= {"size": 5, "writable": True, "hash": None, "mimetype": None, "chunk": -1}
    assert checked(model) == model


def test_a_kernel_that_is_refused_is_refused_in_a_session_too(running: Running) -> None:
    asked = {"path": "refused.ipynb", "type": "notebook", "name": "", "kernel": {"name": "local"}}

    status, _, said = running.ask("POST", "api/sessions", asked, **JSON)

    assert status == 403
    assert "this project has no such kernel" in json.loads(said)["message"]
    assert running.writer.last("kernel.refused", "local")
