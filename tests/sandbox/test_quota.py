"""Project quotas: sizes that the file system itself holds. Needs root and a kernel with quotas on ext4."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sundbench.sandbox import quota
from sundbench.sandbox.enforcement import available


def test_no_quota_where_the_file_system_has_none():
    assert quota.device(Path("/proc")) is None
    assert not quota.hold(Path("/proc"), 2**20)


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A small file system with project quotas."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4")
    folder = tmp_path_factory.mktemp("volume")
    image, at = folder / "image", folder / "mounted"
    at.mkdir()
    with image.open("wb") as file:
        file.truncate(96 * 2**20)
    make = ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota", image]
    subprocess.run(make, check=True)
    done = subprocess.run(["mount", "-o", "loop,prjquota", image, at], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this kernel can't mount ext4 with project quotas")
    yield at
    subprocess.run(["umount", at], check=True)


def test_a_folder_is_held_at_its_size(volume, attacker):
    if attacker.who != "root":
        pytest.skip("only root sets quotas")
    scratch, outbox = volume / "scratch", volume / "outbox"
    for folder in (scratch, outbox):
        folder.mkdir()
    (scratch / "before").write_bytes(b"x" * 6_000_000)
    assert available(scratch, outbox).disk.strength == "hard"
    held = attacker.with_mounts(scratch=str(scratch), outbox=str(outbox))
    filler = """
import os
written = 0
try:
    for i in range(20):
        open(f"/work/{i}", "wb").write(b"x" * 4_000_000); written += 1
except OSError as error:
    print(error.strerror, written)
try:
    os.rename("/work/0", "/outbox/0")
except OSError as error:
    print(error.strerror)
open("/outbox/other", "wb").write(b"x" * 4_000_000)
"""
    seen = held(filler)
    assert seen.enforcement["disk"] == "hard"
    assert seen.said == "Disk quota exceeded 2\nInvalid cross-device link\n"
    assert seen.ending == "ended by itself"
    assert sum(file.stat().st_size for file in scratch.iterdir()) <= 16 * 2**20


def test_many_small_files_are_held_too(volume, attacker):
    if attacker.who != "root":
        pytest.skip("only root sets quotas")
    folder = volume / "small"
    folder.mkdir()
    seen = attacker.with_mounts(scratch=str(folder))("""
try:
    for i in range(100_000): open(f"/work/{i}", "x").close()
except OSError as error: print(error.strerror, i < 4096)
""")
    assert seen.said == "Disk quota exceeded True\n"
