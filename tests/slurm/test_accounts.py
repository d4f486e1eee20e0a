"""A permit's account and its folders: who reads what, tried as the accounts themselves."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from sundbench.errors import ClusterError
from sundbench.hub.workspaces.fate import Step
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from sundbench.slurm.accounts import Account

PERSON = 34567
"""Somebody's own account."""


def test_a_name_tells_nothing_of_its_project():
    name = accounts.name_of("lung-cancer")
    assert name == accounts.name_of("lung-cancer") != accounts.name_of("lung-cancer-2")
    assert len(name) == 13
    assert "lung" not in name


def test_a_permit_keeps_its_numbers_until_all_are_forgotten(tmp_path: Path):
    site = Site(tmp_path, "sqlite://")
    accounts.note(site, Account("lung-cancer", "sb-0123456789", PERSON, PERSON))
    anew = Account("lung-cancer", "sb-0123456789", PERSON + 1, PERSON + 1)
    with pytest.raises(ClusterError, match="give account sb-0123456789 its old numbers"):
        accounts.note(site, anew)
    accounts.forget(site)
    accounts.note(site, anew)
    assert accounts.noted(site) == {"lung-cancer"}


@pytest.mark.skipif(os.geteuid() != 0, reason="root hands over")
def test_an_extract_that_root_made_is_the_hub_s_to_read(tmp_path: Path):
    site = Site(tmp_path / "home", "sqlite://")
    about = site.extracts / "lung-cancer" / "2026-01" / "extract.json"
    about.parent.mkdir(parents=True)
    about.write_text("{}")
    site.hub.mkdir()
    os.chown(site.hub, 65534, 65534)
    folders.hand_over(site, Account("lung-cancer", "sb-0123456789", PERSON, PERSON))
    assert (about.stat().st_uid, about.stat().st_gid, about.stat().st_mode & 0o777) == (65534, PERSON, 0o640)


@dataclass
class Projects:
    """Two permits with accounts and data."""

    site: Site
    mine: Account
    other: Account

    def may(self, who: Account | int, what: str, path: Path) -> bool:
        """Whether an account may do what the shell's `test` asks of a path (-r, -w, -x)."""
        uid, gid = (who, who) if isinstance(who, int) else (who.uid, who.gid)
        command = ["/usr/bin/test", what, str(path)]
        return subprocess.run(command, user=uid, group=gid, extra_groups=[], check=False).returncode == 0


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    if os.geteuid() != 0:
        message = "accounts are made by root"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    root = tmp_path_factory.mktemp("accounts")
    for folder in (root, *list(root.parents)[:-2]):  # pytest's own folders are root's alone
        folder.chmod(0o755)
    site = Site(root / "home", "sqlite://")
    names = [f"accounts-{os.getpid()}-{letter}" for letter in "ab"]
    made = []
    for name in names:
        extract = site.extracts / name / "2026-01" / "lmdb"
        extract.mkdir(parents=True)
        (extract / "bucket-00000.parquet").write_bytes(b"persons")
        (site.scratch / name / "anna").mkdir(parents=True)
        account = accounts.create(name)
        accounts.note(site, account)
        folders.hand_over(site, account)
        made.append(account)
    yield Projects(site, *made)
    for account in made:
        subprocess.run(["userdel", "--force", account.name], check=True, capture_output=True)


def test_an_account_reads_its_extract_and_writes_none_of_it(projects: Projects):
    data = projects.site.extracts / projects.mine.permit / "2026-01" / "lmdb" / "bucket-00000.parquet"
    assert projects.may(projects.mine, "-r", data)
    assert not projects.may(projects.mine, "-w", data)
    assert not projects.may(projects.mine, "-w", data.parent)


def test_nobody_else_reads_it_or_sees_what_there_is(projects: Projects):
    data = projects.site.extracts / projects.mine.permit
    for stranger in (projects.other, PERSON):
        for path in (data, data / "2026-01", data / "2026-01" / "lmdb" / "bucket-00000.parquet"):
            assert not projects.may(stranger, "-r", path)
            assert not projects.may(stranger, "-x", path)
        assert not projects.may(stranger, "-r", projects.site.extracts)


def test_what_a_project_works_with_is_its_account_s_alone(projects: Projects):
    site, mine = projects.site, projects.mine
    for folder in (*folders.worked_with(site, mine), site.scratch / mine.permit / "anna"):
        assert projects.may(mine, "-w", folder)
        for stranger in (projects.other, PERSON):
            assert not projects.may(stranger, "-r", folder)
            assert not projects.may(stranger, "-x", folder)


def test_what_is_no_project_s_stays_closed_to_accounts(projects: Projects):
    site = projects.site
    (site.root / "sundbench.db").write_bytes(b"people")
    (site.freezes / "2026-01").mkdir(mode=0o755)  # made after the accounts, by a steward with an open umask
    folders.hand_over(site, projects.mine)
    for path in (site.root / "sundbench.db", site.hub, site.audit, site.vault, site.freezes / "2026-01"):
        assert not projects.may(projects.mine, "-r", path)
    assert not projects.may(projects.mine, "-r", site.root)


def test_a_project_without_an_account_stays_closed_to_the_others_accounts(projects: Projects):
    """Its permit has ended, or it is new: its folders are as whoever made them left them."""
    site = projects.site
    ended = site.extracts / "ended-before" / "2026-01"
    ended.mkdir(parents=True)
    (site.workspaces / "ended-before").mkdir()
    for folder in (ended.parent, site.workspaces / "ended-before"):
        folder.chmod(0o755)
    folders.hand_over(site, projects.mine)
    for path in (ended, ended.parent, site.workspaces / "ended-before"):
        assert not projects.may(projects.mine, "-r", path)


@pytest.mark.parametrize(("uid", "gid"), [(0, 0), (999, 2000), (2000, 0)])
def test_an_account_of_the_system_s_own_is_refused(
    projects: Projects, monkeypatch: pytest.MonkeyPatch, uid: int, gid: int
):
    """As a directory could have it that others write to."""
    entry = (projects.other.name, "x", uid, gid, "", "/nonexistent", "/usr/sbin/nologin")
    monkeypatch.setattr(pwd, "getpwnam", lambda _: pwd.struct_passwd(entry))
    with pytest.raises(ClusterError, match="has a number below 1000"):
        accounts.account(projects.site, projects.other.permit)


def test_a_permit_that_is_extended_gets_its_folders_back(projects: Projects):
    """They were closed, and the workspace made the hub's, when it ended."""
    site, mine = projects.site, projects.mine
    notebook = site.workspaces / mine.permit / "shared.py"
    notebook.write_text("x")
    os.chown(notebook, mine.uid, mine.gid)
    Step(mine.permit, "close", "expired").take(site, date(2026, 1, 1), None)
    assert not projects.may(mine, "-r", notebook)
    assert not (site.scratch / mine.permit).exists()
    Step(mine.permit, "reopen", "permit extended").take(site, date(2026, 1, 2), None)
    assert projects.may(mine, "-w", notebook)
    for folder in folders.worked_with(site, mine):
        assert projects.may(mine, "-w", folder)


def test_nobody_can_log_in_to_it(projects: Projects):
    assert pwd.getpwnam(projects.mine.name).pw_shell == "/usr/sbin/nologin"
    shadow = next(
        line for line in Path("/etc/shadow").read_text().splitlines() if line.startswith(projects.mine.name)
    )
    assert shadow.split(":")[1].startswith("!")


def test_an_account_that_one_could_log_in_to_is_refused(projects: Projects):
    name = projects.other.name
    subprocess.run(["usermod", "--shell", "/bin/sh", name], check=True)
    try:
        with pytest.raises(ClusterError, match="has the shell /bin/sh"):
            accounts.account(projects.site, projects.other.permit)
    finally:
        subprocess.run(["usermod", "--shell", "/usr/sbin/nologin", name], check=True)
    assert accounts.account(projects.site, projects.other.permit) == projects.other


def test_a_machine_that_knows_it_by_another_number_is_refused(projects: Projects):
    path = projects.site.root / "accounts.json"
    right = path.read_text()
    path.write_text(json.dumps({projects.mine.permit: [4711, 4711]}))
    try:
        with pytest.raises(ClusterError, match="every machine of the cluster must have the same"):
            accounts.account(projects.site, projects.mine.permit)
        with pytest.raises(ClusterError, match="its old numbers"):
            accounts.note(projects.site, projects.mine)
        with pytest.raises(ClusterError, match="no account here"):
            accounts.account(projects.site, "another")
    finally:
        path.write_text(right)


def test_what_others_may_have_written_names_no_accounts(projects: Projects):
    path = projects.site.root / "accounts.json"
    os.chown(path, PERSON, PERSON)
    try:
        with pytest.raises(ClusterError, match="others than root"):
            accounts.account(projects.site, projects.mine.permit)
    finally:
        os.chown(path, 0, 0)


def test_a_link_among_a_project_s_files_gives_nothing_away(projects: Projects, tmp_path: Path):
    """The account writes in its folders, and root goes through them when an extract is new."""
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    scratch = projects.site.scratch / projects.mine.permit
    (scratch / "link").symlink_to(secret)
    (scratch / "folder").symlink_to(tmp_path)
    (scratch / "second-name").hardlink_to(secret)
    folders.hand_over(projects.site, projects.mine)
    assert (secret.stat().st_uid, tmp_path.stat().st_uid) == (0, 0)


def test_what_is_swapped_for_a_link_while_root_looks_is_left_alone(
    projects: Projects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    swapped = projects.site.root / "swapped"
    swapped.touch(mode=0o666)
    really = os.open

    def late(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if path == "swapped":
            swapped.unlink()
            swapped.symlink_to(outside)
        return really(path, flags, *rest, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(ClusterError, match="swapped"):
        folders.hand_over(projects.site, projects.mine)
    swapped.unlink()
    assert outside.stat().st_mode & 0o777 == 0o644


def test_a_link_where_accounts_are_noted_is_not_written_through(projects: Projects, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.write_text("root's")
    trap = projects.site.root / f".accounts.json.{os.getpid()}"
    trap.symlink_to(outside)
    accounts.note(projects.site, projects.mine)
    trap.unlink(missing_ok=True)
    assert outside.read_text() == "root's"
    assert (projects.site.root / "accounts.json").stat().st_mode & 0o777 == 0o644


def test_two_that_note_accounts_at_once_both_stay_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = Site(tmp_path, "sqlite://")
    both_read, read = Barrier(2), accounts._read

    def reading(site: Site) -> dict[str, tuple[int, int]]:
        kept = read(site)
        with suppress(BrokenBarrierError):  # the second may not read before the first has written
            both_read.wait(0.5)
        return kept

    monkeypatch.setattr(accounts, "_read", reading)
    made = [
        Account(name, accounts.name_of(name), PERSON + number, PERSON) for number, name in enumerate("ab")
    ]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda one: accounts.note(site, one), made))

    assert accounts.noted(site) == {"a", "b"}


def test_an_account_that_another_set_up_makes_first_is_taken(
    projects: Projects, monkeypatch: pytest.MonkeyPatch
):
    looks = iter([None])
    monkeypatch.setattr(accounts, "known", lambda permit: next(looks, projects.mine))

    assert accounts.create(projects.mine.permit) == projects.mine


def test_folders_that_a_kernel_made_without_end_are_said_in_one_line(
    projects: Projects, monkeypatch: pytest.MonkeyPatch
):
    scratch = projects.site.scratch / projects.mine.permit
    with monkeypatch.context() as there:
        there.chdir(scratch)
        for _ in range(1500):
            Path("d").mkdir()
            there.chdir("d")
    try:
        with pytest.raises(ClusterError, match="can't be given"):
            folders.hand_over(projects.site, projects.mine)
    finally:
        subprocess.run(["rm", "-rf", scratch / "d"], check=True)
    folders.hand_over(projects.site, projects.mine)


def test_a_link_in_place_of_a_folder_is_refused(projects: Projects, tmp_path: Path):
    outbox = projects.site.outboxes / projects.mine.permit
    outbox.rmdir()
    outbox.symlink_to(tmp_path)
    try:
        with pytest.raises(ClusterError, match="can't be given"):
            folders.hand_over(projects.site, projects.mine)
    finally:
        outbox.unlink()
        folders.hand_over(projects.site, projects.mine)
    assert tmp_path.stat().st_uid == 0
