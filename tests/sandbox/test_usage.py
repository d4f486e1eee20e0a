"""What a sandbox uses, seen from outside."""

import os
import subprocess
import sys
import time

from sundbench.sandbox import usage


def test_disk_counts_what_lies_below_once_each(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 40_960)
    before = usage.disk(tmp_path)
    assert before >= 40_960
    os.link(tmp_path / "a" / "b", tmp_path / "again")
    (tmp_path / "out").symlink_to("/usr")
    assert usage.disk(tmp_path) - before < 20_000


def test_disk_counts_blocks_not_lengths(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert usage.disk(tmp_path) < 10**6


def test_deleted_files_that_are_kept_open(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(b"x" * 40_960)
        file.flush()
        (tmp_path / "file").unlink()
        assert usage.deleted(str(tmp_path), [os.getpid()]) >= 40_960
        assert usage.deleted("/elsewhere", [os.getpid()]) == 0


def test_a_tree_of_processes_its_time_and_its_memory():
    code = """
import os, time
if os.fork():
    os.wait()
else:
    held = bytearray(b"x" * 30_000_000)
    until = time.process_time() + 0.2
    while time.process_time() < until: pass
    print("up", flush=True); time.sleep(30)
"""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        pids = usage.processes(process.pid)
        assert len(pids) == 2
        assert 0.15 <= usage.cpu_seconds(pids) < 20
        assert 30e6 < usage.memory(pids, 2**40) < 90e6
        assert 30e6 < usage.memory(pids, 1) < 90e6  # counted exactly, as over a limit
        for pid in reversed(pids):
            os.kill(pid, 9)
    time.sleep(0.05)
    assert usage.memory(pids, 1) == 0
