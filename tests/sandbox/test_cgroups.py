"""Where control groups may be made, in each version and whoever asks."""

import os
from pathlib import Path

import pytest

from sundbench.sandbox import cgroups
from sundbench.sandbox.policy import Limits

LIMITS = Limits(memory="64 MiB", cores=0.5, processes=10, file_size="1 MiB", disk="1 MiB", tmp="1 MiB")


def _proc(folder: Path, cgroup: str, mountinfo: str) -> Path:
    """A process that stands in given groups."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo)
    return proc


def _group(folder: Path, controllers: str = "cpu io memory pids", control: str = "") -> Path:
    """A folder as the kernel makes one for a group of version 2."""
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text(controllers + "\n")
    (folder / "cgroup.subtree_control").write_text(control)
    (folder / "cgroup.procs").write_text("")
    (folder / "cgroup.type").write_text("domain\n")
    return folder


def test_version_1_makes_groups_below_its_own(tmp_path):
    lines = []
    for i, controller in enumerate(("memory", "pids", "cpu,cpuacct")):
        (tmp_path / controller / "unit").mkdir(parents=True)
        lines.append(f"3{i} 23 0:2{i} / {tmp_path / controller} rw - cgroup cgroup rw,{controller}\n")
    cgroup = "4:memory:/unit\n3:pids:/unit\n2:cpu,cpuacct:/unit\n1:name=systemd:/unit\n0::/\n"
    tree = cgroups.tree(_proc(tmp_path, cgroup, "".join(lines)))
    assert tree is not None
    assert tree.version == 1
    assert tree.folders["memory"] == tmp_path / "memory" / "unit"
    assert tree.folders["cpu"] == tree.folders["cpuacct"] == tmp_path / "cpu,cpuacct" / "unit"


def test_version_2_makes_groups_below_a_delegated_one(tmp_path):
    own = _group(tmp_path / "user.slice" / "job.service")
    mount = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    tree = cgroups.tree(_proc(tmp_path, "0::/user.slice/job.service\n", mount))
    assert tree == cgroups.Tree(2, dict.fromkeys(("cpu", "memory", "pids"), own))


def test_version_2_after_its_own_processes_have_moved_into_a_leaf(tmp_path):
    own = _group(tmp_path / "job.service", control="cpu memory pids")
    _group(own / "sundbench-own")
    mount = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    tree = cgroups.tree(_proc(tmp_path, "0::/job.service/sundbench-own\n", mount))
    assert tree is not None
    assert set(tree.folders.values()) == {own}


def test_a_container_that_sees_a_part_of_the_tree(tmp_path):
    _group(tmp_path / "job")
    mount = f"30 23 0:26 /docker/abc {tmp_path} rw - cgroup2 cgroup2 rw\n"
    tree = cgroups.tree(_proc(tmp_path, "0::/docker/abc/job\n", mount))
    assert tree is not None
    assert set(tree.folders.values()) == {tmp_path / "job"}


@pytest.mark.parametrize(
    ("cgroup", "controllers"),
    [
        ("0::/job\n", "hugetlb"),
        ("0::/job\n", "memory"),
        ("0::/../elsewhere\n", "cpu memory pids"),
        ("", "memory pids"),
    ],
)
def test_nowhere(tmp_path, cgroup, controllers):
    _group(tmp_path / "job", controllers)
    mount = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert cgroups.tree(_proc(tmp_path, cgroup, mount)) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_tree_that_is_another_s(tmp_path):
    _group(tmp_path / "job").chmod(0o555)
    mount = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert cgroups.tree(_proc(tmp_path, "0::/job\n", mount)) is None


def test_limits_of_version_2(tmp_path):
    folder = _group(tmp_path / "sandbox")
    (folder / "memory.swap.max").touch()
    group = cgroups.Group(2, dict.fromkeys(("memory", "pids", "cpu"), folder))
    group.limit(LIMITS)
    group.join(77)
    said = {name: (folder / name).read_text() for name in
            ("memory.max", "memory.swap.max", "pids.max", "cpu.max", "cgroup.procs")}  # fmt: skip
    assert said == {
        "memory.max": str(64 * 2**20), "memory.swap.max": "0", "pids.max": "11", "cpu.max": "50000 100000",
        "cgroup.procs": "77",
    }  # fmt: skip
    assert not group.killed_for_memory()
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert group.killed_for_memory()
    assert group.cpu_seconds() == 2.5


def test_a_real_one_comes_and_goes():
    tree = cgroups.tree()
    if tree is None:
        pytest.skip("no control groups for this account here")
    group = tree.make(LIMITS)
    folder = group._folders["memory"]
    assert folder.is_dir()
    assert not group.killed_for_memory()
    group.remove()
    assert not folder.exists()


def test_groups_of_a_killed_maker_are_swept(tmp_path):
    left = tmp_path / "sundbench-999999999-0a0b0c0d"
    alive = tmp_path / f"sundbench-{os.getpid()}-0a0b0c0d"
    left.mkdir()
    alive.mkdir()
    cgroups._sweep(tmp_path)
    assert not left.exists()
    assert alive.exists()
