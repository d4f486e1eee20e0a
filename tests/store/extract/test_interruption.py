"""Whatever stops an extract, nothing half-made is seen, the old one stays, and a second attempt works."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sundbench.errors import StoreError
from sundbench.store import swap
from sundbench.store.extract import extract


def seen(site, permit: str = "lung") -> set[str]:
    """What lies in a permit's folder, the lock aside."""
    return {path.name for path in (site.extracts / permit).iterdir()} - {".lock"}


@pytest.fixture
def small_disk(site, tmp_path):
    """A site whose extracts lie on a disk of one megabyte."""
    place = site.extracts
    place.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root: the full disk was not tried")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here: the full disk was not tried")
    yield site
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(small_disk, register):
    register()

    with pytest.raises(StoreError, match="the disk is full: nothing was kept; free some space") as caught:
        extract(small_disk, "lung", "f1")
    assert "\n" not in str(caught.value)
    assert seen(small_disk) == set()

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk.extracts)], check=True)
    assert extract(small_disk, "lung", "f1").made


def test_a_disk_that_fills_while_there_is_an_older_extract(site, register, monkeypatch):
    register(registers={"lmdb": ["eksd"]})
    before = extract(site, "lung", "f1").manifest
    register()

    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(StoreError, match="the disk is full"):
        extract(site, "lung", "f1")
    monkeypatch.undo()

    assert seen(site) == {"f1"}
    assert set(before["registers"]) == {path.name for path in (site.extracts / "lung" / "f1").glob("[!e]*")}
    assert extract(site, "lung", "f1").difference["registers_added"] == ["bef", "lpr_adm", "lpr_diag"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sundbench.site import Site
from sundbench.store.extract import extract

root, key = Path(sys.argv[1]), Path(sys.argv[2])

def report(what, done, total):
    if what == "lmdb" and done == 3:  # the first of its files is written
        os.kill(os.getpid(), signal.SIGKILL)

extract(Site(root, f"sqlite:///{root / 'sundbench.db'}", key), "lung", "f1", report=report)
"""


def test_a_process_that_is_killed(site, register):
    register()
    command = [sys.executable, "-c", KILLED, str(site.root), str(site.vault_key_file)]

    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL

    assert not (site.extracts / "lung" / "f1").exists()
    assert all(name.startswith(".") for name in seen(site))
    assert extract(site, "lung", "f1").made
    assert seen(site) == {"f1"}


def test_two_at_once(site, register):
    register()
    told: list[str] = []

    def report(what: str, done: int, total: int) -> None:
        if what == "lmdb" and not told:
            with pytest.raises(StoreError, match="another process is making an extract") as caught:
                extract(site, "lung", "f1")
            told.append(str(caught.value))

    assert extract(site, "lung", "f1", report=report).made
    assert told


def test_a_wrong_key_to_the_vault(site, register, tmp_path):
    from sundbench.store.vault import Vault

    register()
    Vault.create_key(tmp_path / "other")

    with pytest.raises(StoreError, match="another key"):
        extract(replace(site, vault_key_file=tmp_path / "other"), "lung", "f1")
    with pytest.raises(StoreError, match="SUNDBENCH_VAULT_KEY_FILE"):
        extract(replace(site, vault_key_file=None), "lung", "f1")
    assert seen(site) == set()


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


def test_a_folder_takes_anothers_place(tmp_path):
    place = folder(tmp_path / "place", "old")

    swap.put(folder(tmp_path / ".new", "new"), place)

    assert (place / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_where_names_cannot_be_exchanged_it_takes_two_steps(tmp_path, monkeypatch):
    def refuse(one: Path, other: Path) -> None:
        raise OSError("not on this file system")

    monkeypatch.setattr(swap, "_exchange", refuse)
    place = folder(tmp_path / "place", "old")

    swap.put(folder(tmp_path / ".new", "new"), place)

    assert (place / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_who_died_between_the_two_steps_is_undone(tmp_path):
    place = tmp_path / "place"
    folder(tmp_path / ".place.before", "old")
    swap.recover(place)
    assert (place / "file").read_text() == "old"

    folder(tmp_path / ".place.before", "older still")
    swap.recover(place)
    assert (place / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_readers_always_find_an_extract_while_it_is_replaced(site, register):
    register()
    place = extract(site, "lung", "f1").path
    watcher = subprocess.Popen(
        [sys.executable, "-c", f"import os\nwhile True:\n os.stat({str(place / 'extract.json')!r})"],
        stderr=subprocess.PIPE,
    )
    try:
        time.sleep(0.2)
        extract(site, "lung", "f1", again=True)
        assert watcher.poll() is None
    finally:
        watcher.kill()
        watcher.wait()
    shutil.rmtree(place)
