"""What the members of a project save is never lost, and nothing of theirs runs while it is kept."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from sundbench.errors import HubError
from sundbench.hub.workspaces.git import begin
from sundbench.hub.workspaces.history import NOBODY, History


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "workspace").mkdir()
    return History(tmp_path / "history", tmp_path / "workspace")


def save(history: History, path: str, text: str, by: str = "anna") -> str:
    file = history.workspace / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    made = history.record([path], by)
    assert made is not None
    return made


def test_each_save_is_a_version_in_its_persons_name(history: History) -> None:
    save(history, "shared/cohort.py", "first")
    save(history, "shared/cohort.py", "second", by="mikkel")
    found = history.versions("shared/cohort.py")
    assert [(one.by, one.what) for one in found] == [
        ("mikkel", "shared/cohort.py"),
        ("anna", "shared/cohort.py"),
    ]


def test_two_first_saves_at_once_begin_one_history(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two members whose servers start at the same time: two processes, or two of the hub's threads."""
    both_begin, begun = Barrier(2), []

    def beginning(repository: Path) -> None:
        begun.append(repository)
        with suppress(BrokenBarrierError):  # the second waits until the first has begun it
            both_begin.wait(0.5)
        begin(repository)

    monkeypatch.setattr("sundbench.hub.workspaces.history.begin", beginning)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda by: save(history, f"{by}.py", by, by=by), ["anna", "mikkel"]))

    assert len(begun) == 1
    assert sorted(one.by for one in history.versions()) == ["anna", "mikkel"]
    assert sorted(path.name for path in history.folder.iterdir()) == ["lock", "versions.git"]


def test_versions_don_t_fill_the_disk(history: History) -> None:
    """A quota holds the files; a file that is written again and again would fill the installation's disk."""
    kept = save(history, "a.py", "first")
    history.most = 1
    with pytest.raises(HubError, match="no more are kept"):
        save(history, "a.py", "second")
    assert history.content("a.py", kept) == b"first"


def test_saving_the_same_again_is_no_version(history: History) -> None:
    save(history, "a.py", "x")
    assert history.record(["a.py"], "anna") is None
    assert len(history.versions()) == 1


def test_what_a_colleague_overwrote_comes_back(history: History) -> None:
    mine = save(history, "shared/cohort.py", "mine")
    save(history, "shared/cohort.py", "a colleague's", by="mikkel")
    history.restore("shared/cohort.py", mine, by="anna")
    assert (history.workspace / "shared/cohort.py").read_text() == "mine"
    assert [one.by for one in history.versions()] == ["anna", "mikkel", "anna"]


def test_what_was_deleted_with_its_folder_comes_back(history: History) -> None:
    kept = save(history, "members/anna/a.py", "x")
    (history.workspace / "members/anna/a.py").unlink()
    (history.workspace / "members/anna").rmdir()
    history.record(["members/anna"], "anna")
    assert history.versions()[0].what == "- members/anna/a.py"
    history.restore("members/anna/a.py", kept, by="anna")
    assert (history.workspace / "members/anna/a.py").read_text() == "x"


def test_restoring_first_keeps_what_nobody_had_recorded(history: History) -> None:
    first = save(history, "a.py", "first")
    (history.workspace / "a.py").write_text("by a server that was killed")
    history.restore("a.py", first, by="anna")
    assert [one.by for one in history.versions()] == ["anna", NOBODY, "anna"]


def test_a_sweep_finds_what_a_killed_server_left(history: History) -> None:
    (history.workspace / "a.py").write_text("x")
    assert history.sweep(settled=60) is None  # its own record may be on its way
    assert history.sweep() is not None
    assert history.sweep() is None
    assert history.versions()[0].by == NOBODY


def test_names_with_signs_of_git_and_of_the_shell(history: History) -> None:
    names = ['"quoted".py', "back'tick`.py", ":(top)æøå.py", "-rf.py", "a b.py", "$(id).py"]
    for name in names:
        (history.workspace / name).write_text(name)
    history.sweep()
    for name in names:
        assert history.content(name, history.versions(name)[0].id) == name.encode()


def test_a_tree_that_would_have_git_run_programs_has_none_run(history: History, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    subprocess.run(["git", "init", "-q", history.workspace], check=True)
    for place in (history.workspace / ".git", history.workspace / "inner" / ".git"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "config").write_text(
            f'[core]\n\tfsmonitor = "touch {ran}"\n\thooksPath = {tmp_path}\n'
            f'[filter "evil"]\n\tclean = "touch {ran}"\n\tsmudge = "touch {ran}"\n'
        )
    for name in ("post-commit", "pre-commit", "reference-transaction"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (tmp_path / name).chmod(0o755)
    (history.workspace / ".gitattributes").write_text("* filter=evil\n")
    made = save(history, "a.py", "x")
    history.sweep()
    history.restore("a.py", made, by="anna", to="b.py")
    assert not ran.exists()
    assert [one.what for one in history.versions()] == ["b.py", "a.py"]  # hidden names are not there


def test_a_repository_that_would_have_git_run_programs_has_none_run(history: History, tmp_path: Path) -> None:
    """It is its project's account's, and root, who copies and closes workspaces, reads it as well."""
    save(history, "a.py", "x")
    ran, own = tmp_path / "ran", history.repository / "config"
    begun = own.read_text()
    for said in (
        f'\tfsmonitor = "touch {ran}"',
        f"[include]\n\tpath = {tmp_path}/more",
        "[log]\n\tshowSignature",
    ):
        own.write_text(f"{begun}{said}\n")
        with pytest.raises(HubError, match="could have git run programs"):
            history.versions()
    own.write_text(begun + "\n" * 5000)
    with pytest.raises(HubError, match="could have git run programs"):
        history.sweep()
    own.unlink()
    own.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HubError, match="config"):
        history.versions()
    own.unlink()
    own.write_text(begun)
    assert len(history.versions()) == 1

    (history.repository / "commondir").write_text(str(tmp_path))
    with pytest.raises(HubError, match="elsewhere"):
        history.versions()
    (history.repository / "commondir").unlink()
    (history.repository / "objects" / "info" / "alternates").write_text(str(tmp_path))
    with pytest.raises(HubError, match="elsewhere"):
        history.versions()
    assert not ran.exists()


def test_folders_without_end_keep_nothing_else_from_its_versions(
    history: History,
) -> None:
    (history.workspace / "a.py").write_text("x")
    # Deeper than Python itself makes and removes them.
    subprocess.run(["mkdir", "-p", "/".join(["d"] * 1200)], cwd=history.workspace, check=True)
    history.sweep()
    assert [one.what for one in history.versions()] == ["a.py"]
    subprocess.run(["rm", "-rf", history.workspace / "d"], check=True)


def test_no_lock_is_made_where_a_link_leads(history: History, tmp_path: Path) -> None:
    save(history, "a.py", "x")
    lock = history.folder / "lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "made")
    with pytest.raises(HubError, match="lock"):
        history.sweep()
    assert not (tmp_path / "made").exists()
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(HubError, match="lock"), history.locked():
        pytest.fail("a pipe is no lock")


def test_links_are_not_followed(history: History, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("secret")
    (history.workspace / "link.py").symlink_to(tmp_path / "secret.py")
    (history.workspace / "folder").symlink_to(tmp_path)
    assert history.sweep() is None
    made = save(history, "a.py", "x")
    with pytest.raises(HubError, match="can't be written there"):
        history.restore("a.py", made, by="anna", to="folder/a.py")
    assert not (tmp_path / "a.py").exists()


def test_what_is_no_version_is_refused(history: History) -> None:
    save(history, "a.py", "x")
    for wrong in ("main", "--output=x", "0" * 40):
        with pytest.raises(HubError, match="version"):
            history.content("a.py", wrong)
