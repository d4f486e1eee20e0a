"""A copy is worth what it brings back."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.workspaces import bundles
from sundbench.hub.workspaces.backup import backup, backups, restore
from sundbench.hub.workspaces.git import begin
from sundbench.hub.workspaces.history import History, history
from sundbench.site import Site


@pytest.fixture
def kept(site: Site) -> History:
    kept = history(site, "lung-cancer")
    (kept.workspace / "shared").mkdir(parents=True)
    save(kept, "shared/cohort.py", "first")
    save(kept, "shared/cohort.py", "second")
    save(kept, "Læs mig.md", "æøå")
    return kept


def save(kept: History, path: str, text: str) -> None:
    (kept.workspace / path).write_text(text)
    kept.record([path], "anna")


def test_a_lost_workspace_comes_back_with_its_versions(site: Site, kept: History, tmp_path: Path) -> None:
    copy = backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    before = kept.versions()
    shutil.rmtree(kept.workspace)
    shutil.rmtree(kept.folder)
    assert copy is not None
    assert restore(site, "lung-cancer", copy) == 2
    assert (kept.workspace / "shared/cohort.py").read_text() == "second"
    assert kept.versions() == before


def test_what_is_there_stays_as_the_newest_version(site: Site, kept: History, tmp_path: Path) -> None:
    copy = backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    (kept.workspace / "shared/cohort.py").write_text("third, saved since")
    shutil.rmtree(kept.folder)
    assert copy is not None
    restore(site, "lung-cancer", copy)
    assert (kept.workspace / "shared/cohort.py").read_text() == "third, saved since"
    assert len(kept.versions("shared/cohort.py")) == 3


def test_what_a_killed_one_was_reading_back_goes_with_the_next(
    site: Site, kept: History, tmp_path: Path
) -> None:
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    name = f".{kept.repository.name}.0-{ended.pid}-{socket.gethostname()}.making"
    (kept.folder / name / "objects").mkdir(parents=True)
    backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    assert sorted(path.name for path in kept.folder.iterdir()) == ["lock", kept.repository.name]


def test_versions_that_are_there_are_not_replaced(site: Site, kept: History, tmp_path: Path) -> None:
    copy = backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    assert copy is not None
    with pytest.raises(HubError, match="has versions already"):
        restore(site, "lung-cancer", copy)


def test_versions_that_came_while_the_copy_was_read_are_not_replaced(
    site: Site, kept: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    assert copy is not None
    shutil.rmtree(kept.folder)
    other = History(kept.folder, kept.workspace)

    def beginning(repository: Path) -> None:
        begin(repository)
        save(other, "a.py", "meanwhile")

    monkeypatch.setattr(bundles, "begin", beginning)
    with pytest.raises(HubError, match="has versions by now"):
        restore(site, "lung-cancer", copy)
    assert [one.what for one in other.versions()] == ["a.py"]


def test_the_same_is_copied_once_and_old_copies_go(site: Site, kept: History, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    first = backup(site, "lung-cancer", folder, keep=2)
    assert backup(site, "lung-cancer", folder, keep=2) == first
    for number in range(3):
        save(kept, "a.py", str(number))
        newest = backup(site, "lung-cancer", folder, keep=2)
    found = backups(folder, "lung-cancer")
    assert len(found) == 2
    assert found[-1] == newest
    assert first not in found


def test_an_old_copy_that_another_removes_first_is_no_error(
    site: Site, kept: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "copies" / "lung-cancer" / "gone.bundle"
    monkeypatch.setattr("sundbench.hub.workspaces.backup.backups", lambda *where: [gone, *backups(*where)])
    monkeypatch.setattr(bundles, "head", lambda _: None)
    assert (
        backup(site, "lung-cancer", tmp_path / "copies", keep=1)
        == backups(tmp_path / "copies", "lung-cancer")[-1]
    )


def test_a_damaged_copy_brings_nothing_back(site: Site, kept: History, tmp_path: Path) -> None:
    copy = backup(site, "lung-cancer", tmp_path / "copies", keep=3)
    assert copy is not None
    content = bytearray(copy.read_bytes())
    content[-40] ^= 1
    copy.write_bytes(content)
    shutil.rmtree(kept.folder)
    with pytest.raises(HubError, match="damaged"):
        restore(site, "lung-cancer", copy)
    assert not kept.repository.exists()
    assert (kept.workspace / "shared/cohort.py").read_text() == "second"


def test_where_copies_cant_be_written_none_is_left(site: Site, kept: History, tmp_path: Path) -> None:
    (tmp_path / "copies").write_text("a file")
    with pytest.raises(HubError, match=r"settings\.toml"):
        backup(site, "lung-cancer", tmp_path / "copies", keep=3)


def test_an_empty_project_has_no_copy(site: Site, tmp_path: Path) -> None:
    assert backup(site, "lung-cancer", tmp_path / "copies", keep=3) is None
