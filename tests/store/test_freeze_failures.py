"""A full disk and a killed process: nothing half-visible, and the second attempt works."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sundbench.site import Site
from sundbench.store.freeze import create, freeze_ids

PROGRAM = """
import resource, sys, time
from pathlib import Path
from sundbench.errors import SundbenchError
from sundbench.site import Site
from sundbench.store.freeze import create
root, key, delivery, pause, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
def report(what, done, total):
    if what == pause:
        print("here", flush=True)
        time.sleep(60)
try:
    create(Site(Path(root), "", Path(key)), Path(delivery), "f", report=report)
except SundbenchError as error:
    print(error)
"""


def start(site: Site, delivery: Path, *, pause: str = "", limit: int = 0) -> subprocess.Popen[str]:
    given = [str(site.root), str(site.vault_key_file), str(delivery), pause, str(limit)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *given], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture
def delivery(deliver: Callable[..., Path]) -> Path:
    rows = "".join(f"{n % 5000:05d},20200101,A{n % 97},x{n * 7919 % 1000003}\n" for n in range(60_000))
    return deliver({"lmdb.csv": "pnr,eksd,atc,name\n" + rows, "bef.csv": "pnr,koen\n00001,1\n,1\n"})


def hidden(site: Site) -> list[str]:
    return sorted(path.name for path in (*site.freezes.glob(".*"), *site.vault.glob("staging-*")))


@pytest.mark.parametrize("stage", ["find persons", "read files", "sort and write"])
def test_a_killed_freeze_is_not_there_and_the_next_attempt_works(
    site: Site, delivery: Path, stage: str
) -> None:
    process = start(site, delivery, pause=stage)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert freeze_ids(site) == ()
    assert len(hidden(site)) == 2
    freeze = create(site, delivery, "f")
    assert freeze.verify() == ()
    assert hidden(site) == []


# The first limit stops DuckDB while it stages, the second the last steps.
@pytest.mark.parametrize("limit", [20_000, 60_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(site: Site, delivery: Path, limit: int) -> None:
    process = start(site, delivery, limit=limit)
    said, _ = process.communicate(timeout=60)
    assert "no space left on the disk" in said
    assert len(said.splitlines()) == 1
    assert freeze_ids(site) == ()
    assert hidden(site) == []
    assert create(site, delivery, "f").verify() == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full(site: Site, delivery: Path) -> None:
    site.root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(site.root)], check=False)
    if mounted.returncode:
        pytest.skip("no leave to mount here")
    try:
        process = start(site, delivery)
        said, _ = process.communicate(timeout=60)
        assert "no space left on the disk" in said
        assert len(said.splitlines()) == 1
        assert hidden(site) == []
        subprocess.run(["mount", "-o", "remount,size=50m", str(site.root)], check=True)
        assert create(site, delivery, "f").verify() == ()
    finally:
        time.sleep(0.1)
        subprocess.run(["umount", str(site.root)], check=True)
