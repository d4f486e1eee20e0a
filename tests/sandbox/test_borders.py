"""What a program in a sandbox can reach, tried from inside (prying.py), one question a test."""

import json
import os
import platform
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from sundbench.sandbox.interpreter import Interpreter
from sundbench.sandbox.policy import read
from sundbench.sandbox.program import bubblewrap

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="calls the kernel by x86_64's numbers")
REFUSED = {"EPERM", "EACCES", "EROFS", "ENOSYS", "ENOENT", "ENOTDIR", "EINVAL", "refused"}


@pytest.fixture(scope="module")
def found(attacker, repository):
    """What one pass over all borders brought to light."""
    folder = attacker.folder
    extract = folder / "extract"
    (extract / "extract.json").write_text("{}")
    shutil.copy("/usr/bin/id", extract / "id")
    (extract / "id").chmod(0o4755)
    secret = folder / "secret"
    secret.write_text("hunter2")
    (folder / "scratch" / "link").symlink_to(secret)
    policy = read(repository / "kernels" / "register-data")
    package = Interpreter.under([mount.at for mount in policy.mounts]).package
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as named,
        tempfile.TemporaryDirectory() as run,
    ):
        name = f"sundbench-test-{os.getpid()}"
        abstract.bind("\0" + name)
        abstract.listen()
        named.bind(f"{run}/host.sock")
        named.listen()
        arguments = [str(server.getsockname()[1]), name, bubblewrap(), f"{run}/host.sock", str(package)]
        code = Path(__file__).with_name("prying.py").read_text()
        code = f"import sys; sys.argv[1:] = {arguments!r}\n{code}"
        seen = attacker(code, limits={"memory": "512 MiB", "processes": 64}, folder_of_leak="/")
    try:
        return json.loads(seen.said.splitlines()[-1])
    except (ValueError, IndexError):
        pytest.fail(f"{seen.ending}: {seen.said}")


def test_no_environment_of_the_starter(found):
    assert "hunter2" not in json.dumps(found)
    assert found["environment of the first process"] in {"", "EACCES", "EPERM"}
    assert "SECRET" not in found["environment of my own"]
    assert "SUNDBENCH_PROJECT=lung-cancer" in found["environment of my own"]
    assert "JPY_PARENT_PID" not in found["environment of my own"]


def test_the_command_line_does_not_tell_where_things_lie(found, attacker):
    assert str(attacker.folder) not in found["command line of the first process"]


def test_no_other_processes(found):
    assert len(found["processes"]) <= 3
    assert max(found["processes"]) < 100


@pytest.mark.parametrize("name", ["ptrace", "process_vm_readv", "outlive the starter"])
def test_hands_off_the_first_process(found, name):
    assert found[name] == "EPERM"


def test_killing_the_first_process_does_nothing(found):
    assert found["kill the first process"] in {"DONE", "EPERM"}  # and the pass went on to its end


def test_no_rights(found):
    rights = found["rights"]
    assert [int(rights[key], 16) for key in ("CapPrm", "CapEff", "CapInh", "CapAmb")] == [0, 0, 0, 0]
    assert rights["NoNewPrivs"] == "1"
    assert rights["Seccomp"] == rights["Seccomp of the first process"] == "2"
    uid, gid, groups = found["account"]
    assert (uid, gid) == (65533, 65533)
    assert set(groups) <= {65533}


def test_no_rights_by_programs_of_root(found):
    assert found["setuid program"] == "65533"
    assert found["setuid 0"] in REFUSED


@pytest.mark.parametrize(
    "name",
    ["mount", "new mount api", "unshare user", "clone user", "clone3", "setns", "chroot", "keyctl", "bpf",
     "userfaultfd", "io_uring", "perf", "memfd", "x32", "newer call", "raise a limit", "set the clock",
     "project of a file"],
)  # fmt: skip
def test_system_calls_refused(found, name):
    assert found[name] in REFUSED


def test_no_sandbox_in_the_sandbox(found):
    assert found["nested bubblewrap"] not in {"DONE", 0}


@pytest.mark.parametrize(
    "name",
    ["host's loopback", "host's abstract socket", "host's named socket", "outside", "outside, v6", "datagram",
     "name", "vsock", "alg", "packet", "bluetooth", "raw socket"],
)  # fmt: skip
def test_no_network(found, name):
    assert found[name] != "DONE"
    assert found[name] not in {"ETIMEDOUT", "EAGAIN"}, "it was tried for real"


def test_only_a_loopback_of_its_own(found):
    assert found["devices"] == ["lo"]
    assert found["own loopback"] == "DONE"


def test_writes_only_where_it_may(found):
    tried = {
        name.removeprefix("write "): result for name, result in found.items() if name.startswith("write /")
    }
    allowed = {place for place, result in tried.items() if result == "DONE"}
    assert allowed == {"/work", "/outbox", "/tmp", "/dev/shm", "/run/kernel"}
    assert {result for place, result in tried.items() if place not in allowed} <= REFUSED


def test_the_extract_is_read_and_never_written(found):
    assert found["read the extract"] == "{}"
    assert found["overwrite the extract"] in REFUSED
    assert found["chmod the extract"] in REFUSED


@pytest.mark.parametrize("name", ["link of the host's in scratch", "link up and out", "shadow"])
def test_links_lead_nowhere(found, name):
    assert found[name] in REFUSED


def test_etc_says_nothing_about_the_host(found):
    assert found["passwd"] == ["root", "researcher"]
    assert set(found["etc"]) <= {
        "passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
        "alternatives", "fonts", "localtime", "timezone",
    }  # fmt: skip


def test_nothing_of_the_checkout_but_the_package(found):
    assert set(found["checkout"]) <= {"sundbench", ".venv"}


def test_devices_and_the_kernel(found):
    assert found["sys"] == "ENOENT"
    assert set(found["dev"]) <= {
        "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    }  # fmt: skip
    assert found["run"] == ["kernel"]
    for name in ("mknod", "kernel's memory", "sysrq"):
        assert found[name] in REFUSED


def test_no_descriptor_of_the_starter(found):
    assert len(found["descriptors"]) == 4  # standard ones, and that of the listing itself
    assert found["standard input"] == ""


def test_no_terminal(found):
    assert found["type into a terminal"] == "EPERM"
    assert found["type into a terminal, with high bits"] == "EPERM"
    assert found["terminal of the starter"] == "ENXIO"


def test_named_after_its_policy(found):
    assert found["host name"] == "register-data"


def test_the_host_is_as_before(found, attacker):
    assert (attacker.folder / "extract" / "extract.json").read_text() == "{}"
    assert not list(attacker.folder.rglob("sundbench-was-here"))
