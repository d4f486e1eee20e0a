"""A folder of files is read without following a link, however fast somebody puts one there."""

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundbench.hub.server.tree import IrregularError, NotThereError, Tree, parts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("token")
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (inside / "folder" / "code.py").write_text("print(1)")
    return inside


def test_reads_writes_and_lists(root: Path) -> None:
    tree = Tree(root)
    tree.write("folder/new.py", b"x = 1")

    assert tree.read("folder/new.py", 100) == b"x = 1"
    assert [entry.path for entry in tree.inside("folder")] == ["folder/code.py", "folder/new.py"]
    assert tree.entry("").folder
    assert not list((root / "folder").glob(".*"))


def test_one_byte_more_than_allowed_shows_that_a_file_is_longer(root: Path) -> None:
    assert Tree(root).read("folder/code.py", 4) == b"print"


@pytest.mark.parametrize("target", ["/proc/self/environ", "../outside/secret.py", "code.py"])
def test_a_link_is_not_followed(root: Path, target: str) -> None:
    (root / "folder" / "link.py").symlink_to(target)
    tree = Tree(root)

    for attempt in (
        lambda: tree.read("folder/link.py", 100),
        lambda: tree.write("folder/link.py", b"overwritten"),
        lambda: tree.entry("folder/link.py"),
        lambda: tree.move("folder/link.py", "folder/x.py"),
    ):
        with pytest.raises(IrregularError):
            attempt()
    assert "folder/link.py" not in [entry.path for entry in tree.inside("folder")]


def test_a_linked_folder_on_the_way_is_not_entered(root: Path) -> None:
    (root / "way").symlink_to(root.parent / "outside")
    tree = Tree(root)

    for attempt in (
        lambda: tree.read("way/secret.py", 100),
        lambda: tree.write("way/new.py", b"x"),
        lambda: tree.inside("way"),
        lambda: tree.remove("way/secret.py"),
        lambda: tree.make_folder("way/new"),
        lambda: tree.move("folder/code.py", "way/code.py"),
    ):
        with pytest.raises(IrregularError):
            attempt()
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["secret.py"]


def test_a_folder_exchanged_for_a_link_in_between_leads_nowhere(root: Path) -> None:
    """Two threads race: one exchanges a folder for a link to outside and back, one reads and writes."""
    (root / "real").mkdir()
    (root / "real" / "secret.py").write_text("mine")
    (root / "link").symlink_to(root.parent / "outside")
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            (root / "real").rename(root / "aside")
            (root / "link").rename(root / "real")
            (root / "real").rename(root / "link")
            (root / "aside").rename(root / "real")

    racer = threading.Thread(target=exchange)
    racer.start()
    try:
        read = set()
        for _ in range(2000):
            try:
                read.add(Tree(root).read("real/secret.py", 100))
                Tree(root).write("real/new.py", b"x")
            except (NotThereError, IrregularError):
                pass
    finally:
        stop.set()
        racer.join()
    assert read <= {b"mine"}
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["secret.py"]


def test_pipes_sockets_and_second_names_are_refused(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    os.link(root.parent / "outside" / "secret.py", root / "second.py")
    listening = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)
    try:
        listening.bind("socket.py")
    finally:
        os.chdir(here)

    for name in ("pipe.py", "second.py", "socket.py"):
        with pytest.raises(IrregularError):
            Tree(root).read(name, 100)
        with pytest.raises(IrregularError):
            Tree(root).write(name, b"x")
    assert [entry.name for entry in Tree(root).inside("")] == ["folder"]
    listening.close()


@pytest.mark.parametrize(
    "path", [".git/config", "folder/.hidden.py", "../outside/secret.py", "a/../../x", "."]
)
def test_hidden_names_and_ways_up_are_not_there(root: Path, path: str) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("")

    for attempt in (
        lambda: Tree(root).read(path, 100),
        lambda: Tree(root).write(path, b"x"),
        lambda: Tree(root).entry(path),
    ):
        with pytest.raises(NotThereError):
            attempt()


@given(st.text())
def test_a_path_is_names_below_the_root_or_nothing(path: str) -> None:
    try:
        names = parts(path)
    except NotThereError:
        return
    assert not any(name in {"", ".", ".."} or "/" in name or "\0" in name for name in names)


def test_nothing_is_overwritten_by_a_move(root: Path) -> None:
    Tree(root).write("folder/other.py", b"theirs")

    with pytest.raises(FileExistsError):
        Tree(root).move("folder/code.py", "folder/other.py")
    assert (root / "folder" / "other.py").read_bytes() == b"theirs"


def test_a_full_folder_is_not_removed(root: Path) -> None:
    with pytest.raises(OSError, match="not empty"):
        Tree(root).remove("folder")
    Tree(root).remove("folder/code.py")
    Tree(root).remove("folder")
    assert not (root / "folder").exists()
