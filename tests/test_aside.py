"""What is made aside is there whole or not at all, whoever else makes the same at the same time."""

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sundbench import aside


def _names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def test_two_threads_that_write_one_file_at_once_each_write_their_own(tmp_path: Path) -> None:
    path, both_write = tmp_path / "file", threading.Barrier(2)

    def write(letter: bytes) -> None:
        with aside.file(path, mode=0o600) as file:
            file.write(letter * 1000)
            file.flush()
            both_write.wait(60)
            file.write(letter * 1000)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, [b"a", b"b"]))

    assert path.read_bytes() in {b"a" * 2000, b"b" * 2000}
    assert _names(tmp_path) == ["file"]


def _fail_half_way(path: Path) -> None:
    with aside.file(path, mode=0o600) as file:
        file.write(b"ha")
        raise RuntimeError("half way")


def test_who_fails_takes_nothing_of_another_s_away(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with aside.file(path, mode=0o600) as file:
        file.write(b"whole")
        with pytest.raises(RuntimeError, match="half way"):
            _fail_half_way(path)

    assert path.read_bytes() == b"whole"
    assert _names(tmp_path) == ["file"]


@pytest.mark.parametrize(("mode", "umask", "becomes"), [(0o600, 0o022, 0o600), (0o666, 0o027, 0o640)])
def test_a_file_has_its_mode_from_the_start(tmp_path: Path, mode: int, umask: int, becomes: int) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    path.chmod(0o777)
    before = os.umask(umask)
    try:
        with aside.file(path, mode=mode) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == becomes
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == becomes


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    path = tmp_path / "file"
    path.symlink_to("elsewhere")

    aside.write(path, "ours: æ", mode=0o600)

    assert path.read_bytes() == "ours: æ".encode()
    assert (tmp_path / "elsewhere").read_text() == "theirs"


def test_what_is_synced_is_on_the_disk_before_its_name_is_and_the_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    path = tmp_path / "file"

    def note(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    aside.write(path, b"content", mode=0o600, sync=True)

    (file, there), folder = synced
    assert file.startswith(f"{tmp_path}/.file.")
    assert not there
    assert folder == (str(tmp_path), True)


def test_of_many_the_first_one_s_content_stays_and_nothing_else(tmp_path: Path) -> None:
    path, all_there = tmp_path / "secret", threading.Barrier(8)

    def make(number: int) -> None:
        all_there.wait(60)
        aside.make_once(path, bytes([number]) * 1000)

    with ThreadPoolExecutor(8) as together:
        list(together.map(make, range(64)))
    content = path.read_bytes()
    assert content == content[:1] * 1000
    aside.make_once(path, b"later")
    assert path.read_bytes() == content
    assert _names(tmp_path) == ["secret"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_threads_that_make_one_folder_at_once_each_make_their_own(tmp_path: Path) -> None:
    path, both_make = tmp_path / "folder", threading.Barrier(2)

    def make(letter: str) -> bool:
        with aside.folder(path, mode=0o700) as made:
            assert made.stat().st_mode & 0o777 == 0o700
            (made / "first").write_text(letter)
            both_make.wait(60)
            (made / "second").write_text(letter)
            try:
                made.rename(path)
            except OSError:  # the other was first
                return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(make, "ab")) == [False, True]

    assert _names(tmp_path) == ["folder"]
    assert (path / "first").read_text() == (path / "second").read_text()


def test_one_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    lock, inside = tmp_path / "lock", 0

    def count(_: int) -> int:
        nonlocal inside
        with aside.alone(lock):
            inside += 1
            seen = inside
            os.sched_yield()
            inside -= 1
        return seen

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(count, range(200))) == {1}
    assert lock.stat().st_mode & 0o777 == 0o600


def test_a_link_in_a_lock_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), aside.alone(tmp_path / "lock"):
        pass
    assert _names(tmp_path) == ["lock"]


_KILLED = """
import os, signal, socket, sys
from pathlib import Path
from sundbench import aside

socket.gethostname = lambda: sys.argv[2]
with aside.folder(Path(sys.argv[1])) as made:
    (made / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_what_the_dead_of_this_host_have_left_is_swept_away(tmp_path: Path) -> None:
    """A process of another host may be alive, and has a number that is nobody's here."""
    path = tmp_path / "folder"
    for host in (socket.gethostname(), "another-host"):
        done = subprocess.run([sys.executable, "-c", _KILLED, str(path), host], check=False)
        assert done.returncode == -signal.SIGKILL
    assert len(_names(tmp_path)) == 2

    with aside.folder(path) as alive:
        aside.sweep(path)
        assert alive.is_dir()

    (left,) = _names(tmp_path)
    assert left.endswith("-another-host.making")
