"""The command of a sandbox, and the interpreter that it sees."""

import sys
from pathlib import Path

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox import ownership
from sundbench.sandbox.command import command
from sundbench.sandbox.interpreter import Interpreter
from sundbench.sandbox.policy import read


@pytest.fixture
def mounts(tmp_path):
    out = {name: tmp_path / name for name in ("extract", "scratch", "outbox", "sockets")}
    for folder in out.values():
        folder.mkdir()
    return out


@pytest.fixture
def policy(repository):
    return read(repository / "kernels" / "register-data")


def test_an_interpreter_keeps_its_path_where_it_can():
    seen = Interpreter.under(["/nowhere"])
    assert all(outside == inside for outside, inside in seen.folders.items())
    assert seen.inside(sys.executable) == sys.executable
    assert "PYTHONPATH" not in seen.environment


def test_an_interpreter_below_a_mount_moves_aside():
    place = str(Path(sys.prefix).parent)
    seen = Interpreter.under([place])
    assert seen.inside(sys.executable).startswith("/opt/sundbench/")
    assert seen.inside("/usr/bin/R") == "/usr/bin/R"
    assert seen.environment["PATH"].startswith(f"/opt/sundbench{sys.prefix}/bin:")


def test_nothing_of_the_host_but_what_is_named(policy, mounts, repository):
    arguments = command(policy, ["python"], mounts=mounts, environment={})
    sources = {
        arguments[i + 1] for i, argument in enumerate(arguments) if argument in {"--bind", "--ro-bind"}
    }
    writable = {arguments[i + 1] for i, argument in enumerate(arguments) if argument == "--bind"}
    assert writable == {str(mounts[name]) for name in ("scratch", "outbox", "sockets")}
    assert not sources & {"/", "/root", "/home", "/run", "/sys", "/etc", "/var", str(repository)}


def test_root_remounted_after_all_mounts_and_the_program_last(policy, mounts):
    arguments = command(policy, ["python", "-c", "--bind"], mounts=mounts, environment={})
    split = arguments.index("--")
    assert arguments[-2:] == ["-c", "--bind"]
    binds = [
        i for i, argument in enumerate(arguments[:split]) if argument in {"--bind", "--ro-bind", "--tmpfs"}
    ]
    assert max(binds) < arguments.index("--remount-ro")


def test_the_starter_s_environment_wins_and_no_other_is_there(policy, mounts, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "sesame")
    arguments = command(policy, ["python"], mounts=mounts, environment={"LANG": "da_DK.UTF-8"})
    names = [arguments[i + 1] for i, argument in enumerate(arguments) if argument == "--setenv"]
    assert "JUPYTERHUB_API_TOKEN" not in names
    assert len(names) == len(set(names))
    assert arguments[arguments.index("LANG") + 1] == "da_DK.UTF-8"
    assert arguments.index("--clearenv") < arguments.index("--setenv")


def test_a_mount_that_must_be_there(policy, mounts):
    del mounts["extract"]
    with pytest.raises(SandboxError, match="no folder was given for the mount extract"):
        command(policy, ["python"], mounts=mounts, environment={})


def test_an_extract_that_programs_inside_may_not_read(policy, mounts):
    mounts["extract"].chmod(0o700 if ownership.os.geteuid() == 0 else 0)
    with pytest.raises(SandboxError, match=r"may not read .*extract; chmod a\+rX it"):
        command(policy, ["python"], mounts=mounts, environment={})


@pytest.mark.skipif(ownership.os.geteuid() != 0, reason="only root hands over")
def test_handing_over_follows_no_links(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").touch()
    (inside / "deep" / "file").touch()
    (inside / "link").symlink_to(outside)
    (inside / "second name").hardlink_to(outside / "file")
    ownership.hand_over(inside)
    assert (inside / "deep" / "file").stat().st_uid == ownership.ACCOUNT
    assert (inside / "link").lstat().st_uid == ownership.ACCOUNT or (inside / "link").lstat().st_uid == 0
    assert outside.stat().st_uid == 0
    assert (outside / "file").stat().st_uid == 0
