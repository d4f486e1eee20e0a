"""Policies: what they say, and what is refused."""

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox.policy import Policy, read

GOOD = """
name = "trial"
title = "A trial"
[[mounts]]
name = "scratch"
at = "/work"
write = true
disk = true
[limits]
memory = "1.5 GiB"
cores = 0.5
processes = 10
file_size = "1 GB"
disk = 1048576
tmp = "1 MiB"
"""


def test_sizes_have_units(tmp_path):
    (tmp_path / "policy.toml").write_text(GOOD)
    policy = read(tmp_path)
    assert policy == read(tmp_path / "policy.toml")
    assert (policy.limits.memory, policy.limits.file_size, policy.limits.disk) == (3 * 2**29, 10**9, 2**20)
    assert policy.limits.cpu_seconds is None
    assert not policy.network


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("/work", "/"), "absolute path"),
        (("/work", "work"), "absolute path"),
        (("/work", "/work/../etc"), "absolute path"),
        (("write = true\n", ""), "disk needs write = true"),
        (("cores = 0.5", "cores = 0"), "limits.cores"),
        (("processes = 10\n", ""), "limits.processes: Field required"),
        (('name = "trial"', 'name = "../x"'), "name"),
        (("[limits]", '[[mounts]]\nname = "scratch"\nat = "/b"\n[limits]'), "same name: scratch"),
        (("[limits]", '[[mounts]]\nname = "b"\nat = "/work"\n[limits]'), "same place: /work"),
        (
            ("[limits]", '[[mounts]]\nname = "b"\nat = "/work/b"\n[limits]'),
            "/work/b lies below another mount",
        ),
        (("[limits]", "netwrok = true\n[limits]"), "netwrok"),
        (("[limits]", "[limits"), "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, change, says):
    (tmp_path / "policy.toml").write_text(GOOD.replace(*change))
    with pytest.raises(SandboxError, match=says) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "policy.toml"))
    assert "\n" not in str(caught.value)


def test_a_missing_policy(tmp_path):
    with pytest.raises(SandboxError, match="can't read the policy"):
        read(tmp_path / "policy.toml")


KINDS = ("register-data", "synthetic-data", "r-register-data", "server", "run", "worker", "dashboard")


@pytest.fixture(params=KINDS)
def kind(request, repository) -> Policy:
    return read(repository / "kernels" / request.param)


def test_the_policies_of_the_repository_are_whole(kind, repository):
    assert kind.name in KINDS
    assert {folder.parent.name for folder in repository.glob("kernels/*/policy.toml")} == set(KINDS)


def test_nobody_has_a_network_and_the_server_no_data(kind):
    names = {mount.name for mount in kind.mounts}
    assert not kind.network
    if kind.name == "server":
        assert not names & {"extract", "scratch", "outbox"}
    else:
        assert not names & {"broker", "audit", "hub"}


def test_data_and_notebooks_are_read_only_in_kernels(kind):
    if kind.name != "server":
        writable = {mount.name for mount in kind.mounts if mount.write}
        assert writable <= {"scratch", "outbox", "sockets"}


def test_what_is_written_on_disk_counts(kind):
    assert all(mount.disk for mount in kind.mounts if mount.write)


def test_folders_of_sockets_are_small(kind):
    most = {mount.most(kind.limits) for mount in kind.mounts if mount.name == "sockets"}
    assert most == {"server": {None}, "worker": set()}.get(kind.name, {2**20})


def test_a_server_writes_notebooks_and_nothing_else(repository):
    """The broker mounts kernels' folders by name: who could write there could name any folder of the host."""
    server = read(repository / "kernels" / "server")
    assert [mount.name for mount in server.mounts if mount.write] == ["notebooks"]
