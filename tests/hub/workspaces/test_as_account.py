"""Root looks after folders that a project's account changes under its hands, tried as that account."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.workspaces import as_account
from sundbench.hub.workspaces.as_account import do, versions
from sundbench.hub.workspaces.backup import backup, restore
from sundbench.hub.workspaces.errands import Revert, Sweep
from sundbench.hub.workspaces.fate import Ended, Step, ended
from sundbench.hub.workspaces.history import History, history
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from sundbench.slurm.accounts import Account
from tests.hub.installation import eventually

SECRET = "root's alone"
DAY = date(2026, 1, 1)


@dataclass
class Trees:
    """A project with an account of its own, and a folder of root's beside."""

    site: Site
    account: Account
    outside: Path

    @property
    def permit(self) -> str:
        return self.account.permit

    @property
    def kept(self) -> History:
        return history(self.site, self.permit)

    def run(self, what: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run lines of the shell as the account, in its workspace."""
        who = self.account
        return subprocess.run(
            ["/bin/sh", "-c", what], cwd=self.kept.workspace, user=who.uid, group=who.gid, extra_groups=[],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=check,
        )  # fmt: skip

    def take(self, what: str) -> None:
        Step(self.permit, what, "expired").take(self.site, DAY, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made() -> Iterator[list[Account]]:
    if os.geteuid() != 0:
        message = "accounts are made by root"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    found = [accounts.create(f"trees-{os.getpid()}-{letter}") for letter in "ab"]
    yield found
    for account in found:
        subprocess.run(["userdel", "--force", account.name], check=True, capture_output=True)


@pytest.fixture
def make(made: list[Account]) -> Iterator[Callable[[int], Trees]]:
    """The first or second project, with a file of which there is a version."""
    root = Path(tempfile.mkdtemp(prefix="sb-trees-"))
    root.chmod(0o711)
    site, outside = Site(root / "home", "sqlite://"), root / "outside"
    for folder in (site.root, outside):
        folder.mkdir()
    (outside / "a.py").write_text(SECRET)
    (outside / "a.py").chmod(0o600)

    def project(which: int) -> Trees:
        accounts.note(site, made[which])
        folders.hand_over(site, made[which])
        trees = Trees(site, made[which], outside)
        trees.run("mkdir shared && echo first >shared/a.py")
        do(site, Sweep(permit=trees.permit))
        return trees

    yield project
    assert (outside / "a.py").read_text() == SECRET
    assert (outside / "a.py").stat().st_mode & 0o7777 == 0o600
    assert [path.name for path in outside.iterdir()] == ["a.py"]
    assert {path.stat().st_uid for path in (outside, outside / "a.py")} == {0}
    subprocess.run(["/bin/rm", "-rf", root], check=True)


@pytest.fixture
def trees(make: Callable[[int], Trees]) -> Trees:
    return make(0)


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_what_is_made_there_is_the_account_s_and_the_copy_root_s(trees: Trees, tmp_path: Path) -> None:
    (first,) = versions(trees.site, trees.permit)
    trees.run("echo second >shared/a.py")
    copy = backup(trees.site, trees.permit, tmp_path / "copies", keep=2)
    back = Revert(permit=trees.permit, path="shared/a.py", version=first.id, by="karen", to=None)
    do(trees.site, back)
    assert (trees.kept.workspace / "shared" / "a.py").read_text() == "first\n"
    assert versions(trees.site, trees.permit, "shared/a.py")[0].by == "karen"
    assert owners(trees.kept.folder) == owners(trees.kept.workspace) == {trees.account.uid}

    assert copy is not None
    assert (copy.stat().st_uid, copy.stat().st_mode & 0o777) == (0, 0o600)
    assert len(list(copy.parent.iterdir())) == 1
    shutil.rmtree(trees.kept.folder)
    shutil.rmtree(trees.kept.workspace)
    (tmp_path / "laid.bundle").symlink_to(trees.outside / "a.py")
    with pytest.raises(HubError, match="no copy of a workspace"):
        restore(trees.site, trees.permit, tmp_path / "laid.bundle")
    assert restore(trees.site, trees.permit, copy) == 1
    assert (trees.kept.workspace / "shared" / "a.py").read_text() == "second\n"
    assert owners(trees.kept.folder) == owners(trees.kept.workspace) == {trees.account.uid}
    assert backup(trees.site, trees.permit, tmp_path / "copies", keep=2) == copy


@contextmanager
def waiting(trees: Trees) -> Iterator[None]:
    """Whoever works in the project's versions waits, because the account does."""
    with (trees.kept.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def asked(trees: Trees) -> Path | None:
    """The process that runs an errand, below /proc, once it has taken the account's rights."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            ours = {as_account.__name__.encode(), str(trees.site.root).encode()} <= set(words)
            if ours and status(place)["Uid"].split()[0] != "0":
                return place
    return None


def status(process: Path) -> dict[str, str]:
    return dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())


def test_it_has_the_account_s_rights_and_nothing_of_root_s(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDBENCH_DATABASE", f"postgresql://u:{SECRET}@db/x")
    working = threading.Thread(target=do, args=(trees.site, Sweep(permit=trees.permit)))
    with waiting(trees):
        working.start()
        process = eventually(lambda: asked(trees))
        said = status(process)
        assert set(said["Uid"].split()) == {str(trees.account.uid)}
        assert set(said["Gid"].split()) == {str(trees.account.gid)}
        assert said["Groups"].split() == []
        assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == 0
        assert SECRET.encode() not in (process / "environ").read_bytes()
        for name in ("environ", "mem", "fd/0"):
            assert trees.run(f"cat {process / name}", check=False).returncode, "nobody looks into it"
    working.join()


def test_who_keeps_it_from_ending_is_waited_for_so_long(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_account, "PATIENCE", 1.0)
    with waiting(trees), pytest.raises(HubError, match="takes longer than 1 s for its own files"):
        do(trees.site, Sweep(permit=trees.permit))
    assert asked(trees) is None


def test_who_says_too_much_is_not_listened_to(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_account, "_TOLD", 20)
    with pytest.raises(HubError, match="more than there can be to say"):
        versions(trees.site, trees.permit)


SWAPPING = """\
import ctypes, os, sys
os.setgroups([])
os.setresgid(*[int(sys.argv[2])] * 3)
os.setresuid(*[int(sys.argv[1])] * 3)
os.symlink(sys.argv[3], "link")
exchange = ctypes.CDLL(None, use_errno=True).renameat2
print("begun", flush=True)
while not exchange(-100, b"shared", -100, b"link", 2):
    pass
"""


@contextmanager
def swapped(trees: Trees) -> Iterator["subprocess.Popen[str]"]:
    """The workspace's shared folder is now itself and now a link to root's, as fast as it goes."""
    who = trees.account
    with subprocess.Popen(
        [sys.executable, "-I", "-c", SWAPPING, str(who.uid), str(who.gid), str(trees.outside)],
        cwd=trees.kept.workspace, stdout=subprocess.PIPE, text=True,
    ) as swapping:  # fmt: skip
        assert swapping.stdout is not None
        assert swapping.stdout.readline() == "begun\n"
        try:
            yield swapping
        finally:
            swapping.kill()


def test_a_folder_that_is_swapped_for_a_link_leads_root_nowhere(trees: Trees, tmp_path: Path) -> None:
    (first,) = versions(trees.site, trees.permit)
    back = Revert(permit=trees.permit, path="shared/a.py", version=first.id, by="karen", to="shared/b.py")
    with swapped(trees) as swapping:
        for _ in range(2):
            with suppress(HubError):  # as the folder was when it came there
                do(trees.site, back)
        assert backup(trees.site, trees.permit, tmp_path / "copies", keep=2)
        assert swapping.poll() is None
        trees.take("close")
        assert swapping.wait(30) == 0, "no name leads into it, nor from within it"
    trees.take("reopen")
    assert SECRET not in trees.run(f"git --git-dir={trees.kept.repository} log -p").stdout


def test_a_project_s_versions_are_no_way_into_another_s(make: Callable[[int], Trees], tmp_path: Path) -> None:
    """Root's git would read there what the account can't."""
    mine, other = make(0), make(1)
    objects = mine.kept.repository / "objects"
    mine.run(f"mv {objects} {objects}.own && ln -s {other.kept.repository}/objects {objects}")
    with pytest.raises(HubError):
        backup(mine.site, mine.permit, tmp_path / "copies", keep=2)
    mine.run(f"rm {objects} && mv {objects}.own {objects}")
    mine.run(f"mkdir -p {objects}/info && echo {other.kept.repository}/objects >{objects}/info/alternates")
    with pytest.raises(HubError, match="elsewhere"):
        backup(mine.site, mine.permit, tmp_path / "copies", keep=2)
    mine.run(
        f"mv {mine.kept.repository} {tmp_path.name} && ln -s {other.kept.repository} {mine.kept.repository}"
    )
    with pytest.raises(HubError):
        versions(mine.site, mine.permit)
    assert not list((tmp_path / "copies").glob("*/*"))


HOSTILE = """\
git init -q . && mkdir .git/hooks -p && cd .git
printf '#!/bin/sh\\ntouch %s\\n' "$RAN" | tee hooks/reference-transaction >hooks/pre-commit
chmod +x hooks/*
printf '[core]\\n fsmonitor = touch %s\\n[filter "x"]\\n clean = touch %s\\n[include]\\n path = more\\n' \
  "$RAN" "$RAN" >>config
cp -r hooks "$VERSIONS/hooks"
cd ..
echo '* filter=x' >.gitattributes
mkfifo pipe.py shared/pipe.py "$VERSIONS/../pipe"
ln -s "$OUTSIDE" folder.py
ln -s "$OUTSIDE/a.py" link.py
echo x >"$(printf 'new\\nline\\033[2J.py')"
echo x >"$(printf '\\377.py')"
mkdir closed && echo x >closed/a.py && chmod 0 closed
deep=$(printf 'd/%.0s' $(seq 1200))
mkdir -p "$deep" "$SCRATCH/$deep" "$VERSIONS/../$deep"
mkdir "$SCRATCH/closed" && echo x >"$SCRATCH/closed/a" && chmod 0 "$SCRATCH/closed"
ln -s "$OUTSIDE" "$SCRATCH/link"
echo '{"since": "2000-01-01", "why": "expired"}' >"$VERSIONS/../ended.json"
"""


def test_whatever_the_account_has_laid_there_ends_with_the_permit(trees: Trees) -> None:
    site, ran = trees.site, Path(tempfile.gettempdir()) / f"ran-{trees.account.name}"
    places = {
        "RAN": ran, "OUTSIDE": trees.outside, "VERSIONS": trees.kept.repository,
        "SCRATCH": site.scratch / trees.permit,
    }  # fmt: skip
    trees.run("".join(f"{name}={place}\n" for name, place in places.items()) + "set -e\n" + HOSTILE)
    # As it could where the system doesn't keep it from naming others' files.
    (trees.kept.workspace / "second-name.py").hardlink_to(trees.outside / "a.py")

    trees.take("close")
    assert not ran.exists()
    assert ended(site, trees.permit) == Ended(DAY, "expired")
    assert not (site.scratch / trees.permit).exists()
    assert trees.kept.workspace.stat().st_mode & 0o7777 == 0o700
    assert trees.kept.workspace.stat().st_uid == 0
    assert trees.run(f"ls {trees.kept.workspace}/shared", check=False).returncode
    assert {one.what for one in versions(site, trees.permit)} == {"shared/a.py"}

    trees.take("reopen")
    trees.run("echo again >shared/a.py")
    trees.take("close")
    assert versions(site, trees.permit)[0].what == "shared/a.py"
    trees.take("delete")
    assert ended(site, trees.permit) is None
    assert not any((root / trees.permit).exists() for root in (site.workspaces, site.scratch, site.histories))
    assert not ran.exists()


@pytest.fixture
def closed(trees: Trees) -> Trees:
    """A workspace that the version before has closed, in which root has put something as well."""
    subprocess.run(["/bin/chown", "-R", "0:0", trees.kept.workspace], check=True)
    subprocess.run(["/bin/chmod", "-R", "a-w,go=", trees.kept.workspace], check=True)
    trees.take("close")
    return trees


def test_what_the_version_before_has_closed_is_given_back(closed: Trees) -> None:
    closed.take("reopen")
    assert owners(closed.kept.workspace) == {closed.account.uid}
    assert closed.run("echo second >>shared/a.py; cat shared/a.py").stdout == "first\nsecond\n"
    do(closed.site, Sweep(permit=closed.permit))
    assert [one.what for one in versions(closed.site, closed.permit)] == ["shared/a.py"] * 2


def test_what_the_version_before_has_closed_is_deleted(closed: Trees) -> None:
    closed.take("delete")
    assert not [path for path in closed.site.root.glob(f"*/{closed.permit}*") if path.parent.name != "jobs"]
