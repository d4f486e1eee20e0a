"""Files as a browser asks for them: code comes and goes, nothing else does."""

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sundbench.hub.server.contents import CODE

NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "register-data", "display_name": "Register data", "language": "python"}
    },
    "cells": [
        {
            "id": "a",
            "cell_type": "code",
            "source": "persons",
            "execution_count": 1,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "4711 persons"}],
        }
    ],
}


def notebook(kernel: str) -> dict[str, Any]:
    content = copy.deepcopy(NOTEBOOK)
    content["metadata"]["kernelspec"]["name"] = kernel
    return content


def encoded(content: bytes) -> dict[str, str]:
    return {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}


def test_a_register_notebooks_results_stay_in_the_browser(running) -> None:
    running.json(
        "PUT", "api/contents/study.ipynb", {"type": "notebook", "content": notebook("register-data")}
    )

    saved = (running.notebooks / "study.ipynb").read_text()
    assert "persons" in saved
    assert "4711" not in saved


def test_a_synthetic_notebook_keeps_its_results(running) -> None:
    running.json("PUT", "api/contents/try.ipynb", {"type": "notebook", "content": notebook("synthetic-data")})

    assert "4711" in (running.notebooks / "try.ipynb").read_text()
    assert "4711" in json.dumps(running.json("GET", "api/contents/try.ipynb"))


def test_but_not_one_that_a_register_kernel_has_served(running) -> None:
    """The browser may call the kernel what it likes; the server knows which one it was."""
    running.app.contents_manager.register_paths.add("claims.ipynb")

    running.json(
        "PUT", "api/contents/claims.ipynb", {"type": "notebook", "content": notebook("synthetic-data")}
    )
    running.json("PATCH", "api/contents/claims.ipynb", {"path": "renamed.ipynb"})
    running.json(
        "PUT", "api/contents/renamed.ipynb", {"type": "notebook", "content": notebook("synthetic-data")}
    )

    assert "4711" not in (running.notebooks / "renamed.ipynb").read_text()


def test_nor_one_whose_folder_got_another_name(running) -> None:
    (running.notebooks / "old").mkdir()
    (running.notebooks / "old" / "claims.ipynb").write_text("{}")
    running.app.contents_manager.register_paths.add("old/claims.ipynb")

    running.json("PATCH", "api/contents/old", {"path": "new"})
    model = {"type": "notebook", "content": notebook("synthetic-data")}
    running.json("PUT", "api/contents/new/claims.ipynb", model)

    assert "4711" not in (running.notebooks / "new" / "claims.ipynb").read_text()


def test_a_notebook_uploaded_as_a_file_is_stripped_too(running) -> None:
    """JupyterLab uploads notebooks as files, in base64."""
    running.json("PUT", "api/contents/up.ipynb", encoded(json.dumps(notebook("register-data")).encode()))

    assert "4711" not in (running.notebooks / "up.ipynb").read_text()


@pytest.mark.parametrize("query", ["", "?type=file", "?type=file&format=base64", "?type=notebook", "?hash=1"])
def test_results_that_came_another_way_are_not_shown(running, query: str) -> None:
    (running.notebooks / "git.ipynb").write_text(json.dumps(notebook("register-data")))

    model = running.json("GET", f"api/contents/git.ipynb{query}")

    content = model["content"]
    if model["format"] == "base64":
        content = base64.b64decode(content).decode()
    assert "4711" not in json.dumps(content)
    assert "persons" in json.dumps(content)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.parquet", "a.sas7bdat", "a.html", "a.svg", "a.zip", "a", "a.ipynb.png"]
)
def test_only_code_may_be_uploaded(running, name: str) -> None:
    status, _, content = running.ask("PUT", f"api/contents/{name}", encoded(b"x = 1"))

    assert status == 415
    assert ".ipynb" in json.loads(content)["message"]
    assert not (running.notebooks / name).exists()
    assert running.writer.last("upload.refused", name)


@pytest.mark.parametrize("content", [b"PAR1\x00\x00\xff", b"\xff\xfe", b"a\0b"])
def test_data_under_the_name_of_code_may_not(running, content: bytes) -> None:
    assert running.ask("PUT", "api/contents/data.py", encoded(content))[0] == 415
    assert not (running.notebooks / "data.py").exists()


def test_what_calls_itself_a_notebook_must_be_one(running) -> None:
    assert running.ask("PUT", "api/contents/no.ipynb", encoded(b'{"rows": [1, 2, 3]}'))[0] == 415
    assert not (running.notebooks / "no.ipynb").exists()


def test_a_file_that_is_too_large_is_refused(running) -> None:
    status, _, content = running.ask("PUT", "api/contents/large.py", encoded(b"#" * 3_000_001))

    assert status == 413
    assert "MiB" in json.loads(content)["message"]


def test_pieces_are_put_together_and_counted(running) -> None:
    """JupyterLab sends files over 1 MiB in pieces."""

    def piece(number: int, content: bytes) -> int:
        return running.ask("PUT", "api/contents/pieces.py", encoded(content) | {"chunk": number})[0]

    assert [piece(1, b"a = 1\n"), piece(2, b"b = 2\n"), piece(-1, b"c = 3\n")] == [201, 201, 201]
    assert (running.notebooks / "pieces.py").read_text() == "a = 1\nb = 2\nc = 3\n"
    assert piece(2, b"without a beginning") == 400
    assert [piece(1, b"#" * 2_000_000), piece(-1, b"#" * 2_000_000)] == [200, 413]
    assert (running.notebooks / "pieces.py").read_text() == "a = 1\nb = 2\nc = 3\n"


@pytest.mark.parametrize("name", ["table.csv", "figure.svg", "page.html", "archive.zip"])
def test_what_is_no_code_is_listed_and_not_opened(running, name: str) -> None:
    (running.notebooks / name).write_text("4711")

    listed = {entry["name"] for entry in running.json("GET", "api/contents")["content"]}
    status, _, content = running.ask("GET", f"api/contents/{name}")

    assert name in listed
    assert status == 415
    assert b"4711" not in content


@pytest.mark.parametrize("target", ["/proc/self/environ", "/etc/passwd"])
def test_a_link_out_of_the_workspace_gives_nothing(running, target: str) -> None:
    link = running.notebooks / "link.txt"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    (running.notebooks / "way").unlink(missing_ok=True)
    (running.notebooks / "way").symlink_to(Path(target).parent)

    for method, path, body in [
        ("GET", "api/contents/link.txt", None),
        ("GET", "api/contents/link.txt?content=0&hash=1", None),
        ("PUT", "api/contents/link.txt", encoded(b"x")),
        ("POST", "api/contents/", {"copy_from": "link.txt"}),
        ("PATCH", "api/contents/link.txt", {"path": "own.txt"}),
        ("POST", "api/contents/link.txt/checkpoints", None),
        ("GET", "api/contents/way", None),
        ("GET", f"api/contents/way/{Path(target).name}", None),
    ]:
        status, _, content = running.ask(method, path, body)
        assert status in {400, 403, 404, 415}, (method, path)
        assert b"JUPYTERHUB" not in content
        assert b"root:" not in content
    assert link.is_symlink()


@pytest.mark.parametrize(
    "path", [".git/config", ".hidden.py", "folder/.env.py", "..%2Foutside.py", "../outside.py"]
)
def test_hidden_files_are_not_there(running, path: str) -> None:
    (running.notebooks / ".git").mkdir(exist_ok=True)
    (running.notebooks / ".git" / "config").write_text("4711")
    (running.notebooks / ".hidden.py").write_text("4711")

    for method, body in [("GET", None), ("PUT", encoded(b"x")), ("DELETE", None)]:
        status, _, content = running.ask(method, f"api/contents/{path}", body)
        assert status in {400, 403, 404}
        assert b"4711" not in content
    assert ".git" not in {entry["name"] for entry in running.json("GET", "api/contents")["content"]}


def test_a_new_notebook_a_copy_and_a_folder(running) -> None:
    running.json("POST", "api/contents", {"type": "directory"})
    running.json("PATCH", "api/contents/Untitled%20Folder", {"path": "first"})
    folder = "first"
    made = running.json("POST", f"api/contents/{folder}", {"type": "notebook"})
    copied = running.json("POST", f"api/contents/{folder}", {"copy_from": made["path"]})

    assert made["path"].endswith(".ipynb")
    assert copied["path"] != made["path"]
    assert running.ask("DELETE", f"api/contents/{folder}")[0] == 400  # it isn't empty
    for path in (made["path"], copied["path"], folder):
        assert running.ask("DELETE", f"api/contents/{path}")[0] == 204


@pytest.mark.parametrize("ending", CODE)
def test_code_comes_back_as_it_was_written(running, ending: str) -> None:
    if ending == ".ipynb":
        return
    running.json(
        "PUT", f"api/contents/code{ending}", {"type": "file", "format": "text", "content": "æøå = 1\n"}
    )

    assert running.json("GET", f"api/contents/code{ending}")["content"] == "æøå = 1\n"


def test_checkpoints_leave_nothing_in_the_workspace(running) -> None:
    body = {"type": "file", "format": "text", "content": "first"}
    running.json("PUT", "api/contents/version.py", body)
    checkpoint = running.json("POST", "api/contents/version.py/checkpoints")
    running.json("PUT", "api/contents/version.py", body | {"content": "second"})

    assert running.json("GET", "api/contents/version.py/checkpoints")[0]["id"] == checkpoint["id"]
    running.json("POST", f"api/contents/version.py/checkpoints/{checkpoint['id']}")

    assert (running.notebooks / "version.py").read_text() == "first"
    assert not [path for path in running.notebooks.iterdir() if "checkpoint" in path.name]


def test_a_checkpoint_of_nothing_is_refused(running) -> None:
    assert running.ask("POST", "api/contents/version.py/checkpoints/another")[0] == 404
