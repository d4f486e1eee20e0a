"""How a kernel is reached: the same sockets, as the kernel and its client see them."""

import json
from pathlib import Path

from sundbench.release.connection import Connection


def test_kernel_and_client_see_the_same_sockets(tmp_path: Path) -> None:
    connection = Connection.new("register-data")
    inside = connection.write(tmp_path)
    assert inside == Path("/run/kernel/connection.json")
    written = tmp_path / "connection.json"
    assert written.stat().st_mode & 0o777 == 0o600
    kernels = json.loads(written.read_text())
    clients = connection.seen_from(tmp_path)
    assert kernels["ip"] == "/run/kernel/c"
    assert clients["ip"] == f"{tmp_path}/c"
    assert {**kernels, "ip": ""} == {**clients, "ip": ""}


def test_each_connection_has_a_key_of_its_own() -> None:
    assert Connection.new("a").key != Connection.new("a").key


def test_a_link_that_a_kernel_left_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("whole")
    (tmp_path / "connection.json").symlink_to(victim)
    Connection.new("a").write(tmp_path)
    assert victim.read_text() == "whole"
