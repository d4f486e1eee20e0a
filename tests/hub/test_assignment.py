"""An assignment is read by its owner, once."""

import json
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.assignment import Assignment
from sundbench.hub.server.settings import Rules
from sundbench.hub.settings import Settings
from sundbench.registers.catalogue import Text
from sundbench.sandbox.policy import Limits

LIMITS = Limits(memory="1 GiB", cores=1, processes=64, file_size="1 GiB", disk="1 GiB", tmp="16 MiB")


def an_assignment(folder: Path) -> Assignment:
    return Assignment(
        user="anna",
        permit="lung-cancer",
        title=Text(da="Lungekræft", en="Lung cancer"),
        workspace=folder / "workspace",
        scratch=folder / "scratch",
        outbox=folder / "outbox",
        runtime=folder,
        audit_socket=folder / "audit.sock",
        audit_secret="s3cret",
        environment={"JUPYTERHUB_API_TOKEN": "t0ken"},
        address="http://127.0.0.1:8000/user/anna/lung-cancer/",
        port=4711,
        server=LIMITS,
        kernel=LIMITS,
        kernels=4,
        rules=Rules.of(Settings()),
    )


def test_it_is_taken_once(tmp_path: Path) -> None:
    given = an_assignment(tmp_path)
    path = given.write(tmp_path / "assignment.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Assignment.take(path) == given
    assert not path.exists()
    with pytest.raises(HubError, match="start the server anew"):
        Assignment.take(path)


def test_it_never_replaces_another(tmp_path: Path) -> None:
    path = an_assignment(tmp_path).write(tmp_path / "assignment.json")
    with pytest.raises(FileExistsError):
        an_assignment(tmp_path).write(path)


def test_what_is_no_assignment_is_refused_without_its_values(tmp_path: Path) -> None:
    path = tmp_path / "assignment.json"
    path.write_text('{"user": ["s3cret"]}')
    with pytest.raises(HubError, match="user: Input should be a valid string") as refused:
        Assignment.take(path)
    assert "s3cret" not in str(refused.value)


def test_that_of_another_version_s_hub_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "assignment.json"
    written = json.loads(an_assignment(tmp_path).model_dump_json())
    path.write_text(json.dumps(written | {"protocol": written["protocol"] + 1}))
    with pytest.raises(
        HubError, match=r"^\S+ \S+ protocol: the hub speaks protocol 2 and this version 1: "
    ) as refused:
        Assignment.take(path)
    assert "\n" not in str(refused.value)
