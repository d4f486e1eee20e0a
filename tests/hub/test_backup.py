"""Copies of an installation: made while others write, tried, refused when damaged, brought back."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.governance import database, people
from sundbench.governance.audit.log import Log
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.verify import verify
from sundbench.hub.backup import copies, databases
from sundbench.hub.backup.drill import drill
from sundbench.hub.backup.making import make
from sundbench.hub.backup.restoring import put, restore
from sundbench.hub.workspaces.history import history
from sundbench.site import Site
from sundbench.store.sealed import Key, seal
from sundbench.store.vault import Vault
from sundbench.store.vault_folder import RESEALING
from tests.hub.installation import make_site
from tests.postgresql import Cluster


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation with people, projects, a hub's database, an audit log, a workspace and a vault."""
    made = make_site(tmp_path / "home")
    # So that the year of what it signs is known: the log's anchors lie elsewhere.
    made = Site(made.root, made.database_url, tmp_path / "vault.key", tmp_path / "anchors")
    with sqlite3.connect(made.hub / "jupyterhub.sqlite") as hub:
        hub.execute("create table users (name text)")
        hub.execute("create table spawners (server_id integer)")
        hub.execute("insert into users values ('rikke')")
    with Log(made) as log:
        log.append([Entry("rikke", "hub.login", "hub", {}, None, None)])
    notebook = made.workspaces / "lung-cancer" / "shared" / "first.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text("{}")
    history(made, "lung-cancer").sweep()
    extract = made.extracts / "lung-cancer" / "2026-01" / "bucket-00000.parquet"
    extract.parent.mkdir(parents=True)
    extract.write_bytes(os.urandom(100_000))
    assert made.vault_key_file is not None
    Vault.create_key(made.vault_key_file)
    Vault.open(made).close()
    (made.scratch / "lung-cancer").mkdir(parents=True)
    (made.scratch / "lung-cancer" / "large.bin").write_bytes(b"x")
    return made


@contextmanager
def written_to(site: Site) -> Iterator[None]:
    """Others register people and record what they do, all the while."""
    stop = threading.Event()

    def work() -> None:
        with Log(site) as log:
            for number in range(10_000):
                if stop.is_set():
                    return
                log.append([Entry("rikke", "execute", "kernel", {"code": "1" * 500}, None, None)])
                if number % 20 == 0:
                    with database.writing(site) as session:
                        people.add(session, f"new{number}", "N. N.")

    writer = threading.Thread(target=work)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_a_copy_that_is_made_while_others_write_comes_back_whole(site: Site, tmp_path: Path):
    staging = site.vault / "staging-2026-02"  # a freeze's: nothing in it is sealed
    staging.mkdir()
    (staging / "rows.parquet").write_bytes(b"0101801234")
    with written_to(site):
        copy = make(site, tmp_path / "backup", keep=2)

    steps = drill(site, tmp_path / "backup")
    assert [step for step in steps if not step.well] == []
    said = {step.what: step.said for step in steps}
    assert re.match(r"\d+ people, 3 projects", said["people and projects"])
    assert said["the hub's database"] == "1 people have logged in, 0 servers ran"
    assert said["workspaces"] == "1 with their versions"
    assert said["vault"] == "0 persons, opened with the key"
    names = {one.path for one in copies.read(copy).files}
    assert not [name for name in names if re.search(r"scratch|vault\.key|staging", name)]
    assert not list((tmp_path / "backup").glob(".*")), "nothing of the drill is left"


def test_it_is_brought_back_where_nothing_is(site: Site, tmp_path: Path):
    copy = make(site, tmp_path / "backup", keep=2)
    back = Site(
        tmp_path / "new", f"sqlite:///{tmp_path / 'new' / 'sundbench.db'}", None, tmp_path / "anchors2"
    )
    restore(back, copy)

    assert verify(back).problems == []
    with database.reading(back) as session:
        assert "rikke" in {one.user for one in people.everyone(session)}
    before, after = site.hub / "settings.toml", back.hub / "settings.toml"
    assert (before.read_text(), before.stat().st_mode) == (after.read_text(), after.stat().st_mode)
    with pytest.raises(HubError, match=r"is not empty, and nothing is overwritten"):
        restore(back, copy)


def test_what_has_not_changed_takes_no_room_again_and_old_copies_go(site: Site, tmp_path: Path):
    first = make(site, tmp_path / "backup", keep=2)
    first = first.rename(first.with_name("20260101T000000Z"))
    second = make(site, tmp_path / "backup", keep=2)
    name = "home/extracts/lung-cancer/2026-01/bucket-00000.parquet"
    assert (first / name).stat().st_ino == (second / name).stat().st_ino

    second.rename(second.with_name("20260102T000000Z"))
    make(site, tmp_path / "backup", keep=2)
    assert len(copies.copies(tmp_path / "backup")) == 2
    assert not first.exists()


def test_a_copy_whose_forerunner_is_removed_meanwhile_is_whole(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As another who makes a copy at the same time does, and keeps only their own."""
    folder = tmp_path / "backup"
    before = make(site, folder, keep=1)
    listed = copies.read(before)

    def reading(copy: Path) -> copies.Listing:
        shutil.rmtree(copy)
        return listed

    monkeypatch.setattr("sundbench.hub.backup.making.read", reading)
    made = copies.read(make(site, folder, keep=1))
    assert {one.path for one in made.files} == {one.path for one in listed.files}
    assert all(step.well for step in drill(site, folder))


def _cut(path: Path) -> None:
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 1)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("home/extracts/lung-cancer/2026-01/bucket-00000.parquet", _cut),
        ("governance.sqlite", lambda path: path.write_bytes(b"\0" * path.stat().st_size)),
        ("home/audit/head.json", Path.unlink),
        (copies.LIST, _cut),
        (copies.LIST, lambda path: path.write_text(path.read_text().replace("/hub/", "/huh/", 1))),
    ],
)
def test_a_damaged_copy_is_refused_in_one_line(site: Site, tmp_path: Path, name: str, harm):
    copy = make(site, tmp_path / "backup", keep=2)
    harm(copy / name)
    back = Site(tmp_path / "new", f"sqlite:///{tmp_path / 'new.db'}", None, tmp_path / "anchors2")

    with pytest.raises(HubError, match=r": take another( copy)?$") as refused:
        restore(back, copy)
    assert "\n" not in str(refused.value)
    assert not back.root.exists()


def test_no_copy_holds_a_vault_of_two_keys(site: Site, tmp_path: Path):
    first, second = Key.read(site.vault_key_file), Key(bytes(32))
    seal(site.vault / "persons", first, [])
    (site.vault / RESEALING).mkdir()
    seal(site.vault / RESEALING / "persons", second, [])

    copy = make(site, tmp_path / "backup", keep=2)
    assert not [one for one in copies.read(copy).files if RESEALING in one.path]

    seal(site.vault / "opt-outs", second, [])
    with pytest.raises(HubError, match="its key is being changed: make the copy again"):
        make(site, tmp_path / "backup", keep=2)
    assert [path.name for path in (tmp_path / "backup").iterdir()] == [copy.name]


def test_a_copy_into_the_installation_or_of_none_is_refused(site: Site, tmp_path: Path):
    with pytest.raises(HubError, match="in the installation itself"):
        make(site, site.root / "backup", keep=1)
    with pytest.raises(HubError, match="no copy is there"):
        drill(site, tmp_path / "nowhere")


def test_what_a_project_s_account_puts_in_the_way_is_not_followed(site: Site, tmp_path: Path):
    """A link to what only root reads, and a pipe on which a reader would wait for ever."""
    workspace = site.workspaces / "lung-cancer" / "shared"
    (workspace / "link").symlink_to("/etc/shadow")
    (workspace / "folder").symlink_to("/etc")
    os.mkfifo(workspace / "pipe")
    copy = make(site, tmp_path / "backup", keep=1)

    found = {one.path.rpartition("/")[2]: one for one in copies.read(copy).files}
    assert (found["link"].kind, found["link"].target) == ("link", "/etc/shadow")
    assert found["folder"].kind == "link"
    assert "pipe" not in found
    assert "passwd" not in found


def test_names_and_depths_of_a_project_s_account_end_no_copy(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    outbox = site.outboxes / "lung-cancer" / "rikke"
    outbox.mkdir(parents=True)
    strange = outbox / os.fsdecode(b"\xff\n")
    strange.write_text("x")
    here = Path.cwd()
    try:
        os.chdir(outbox)
        for _ in range(1500):
            Path("d" * 50).mkdir()
            os.chdir("d" * 50)
    finally:
        os.chdir(here)
    copy = make(site, tmp_path / "backup", keep=1)
    assert "is left out of the copy" in caplog.text

    back = Site(tmp_path / "new", f"sqlite:///{tmp_path / 'new' / 'new.db'}", None, tmp_path / "anchors2")
    restore(back, copy)
    assert (back.outboxes / "lung-cancer" / "rikke" / strange.name).read_text() == "x"
    subprocess.run(["rm", "-rf", str(outbox)], check=True)  # deeper than Python's own removal goes


def test_the_drill_runs_nothing_that_a_project_s_account_configured(site: Site, tmp_path: Path):
    ran, repository = tmp_path / "ran", site.histories / "lung-cancer" / "versions.git"
    with (repository / "config").open("a") as config:
        config.write(f'\tfsmonitor = "touch {ran}"\n')
    index = {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run(["git", "update-index", "--fsmonitor"], env=index, check=True, capture_output=True)
    ran.unlink(missing_ok=True)
    make(site, tmp_path / "backup", keep=1)
    said = {step.what: step for step in drill(site, tmp_path / "backup")}
    assert not said["workspaces"].well
    assert "could have git run programs" in said["workspaces"].said
    assert not ran.exists()


def test_the_last_line_of_somebody_s_file_comes_back(site: Site, tmp_path: Path):
    file = site.workspaces / "lung-cancer" / "shared" / "notes.jsonl"
    file.write_text('{"a": 1}\n{"a": 2}')
    copy = make(site, tmp_path / "backup", keep=1)
    assert (copy / "home" / file.relative_to(site.root)).read_text() == file.read_text()


@pytest.mark.parametrize("path", ["home/../../evil", "/evil", "", "home//evil", "."])
def test_a_list_that_leads_out_of_its_copy_is_refused(site: Site, tmp_path: Path, path: str):
    copy = make(site, tmp_path / "backup", keep=1)
    found = copies.read(copy)
    evil = copies.File(path=path, kind="folder", mode=0o700, uid=0, gid=0)
    copies.write(copy, found.model_copy(update={"files": [*found.files, evil]}))
    with pytest.raises(HubError, match="leads out of it"):
        copies.read(copy)


def test_nothing_is_written_through_a_link(tmp_path: Path):
    """Such a list came from a folder that was a link while it was looked at, and none when it was walked."""
    copy, outside = tmp_path / "copy", tmp_path / "outside"
    (copy / "home" / "x").mkdir(parents=True)
    (copy / "home" / "x" / "evil").write_text("evil")
    outside.mkdir()
    owned = {"mode": 0o700, "uid": os.getuid(), "gid": os.getgid()}
    files = [
        copies.File(path="home", kind="folder", **owned),
        copies.File(path="home/x", kind="link", target=str(outside), **owned),
        copies.File(path="home/x", kind="folder", **owned),
        copies.File(path="home/x/evil", kind="file", **owned | {"mode": 0o6755}),
    ]
    put(copies.Listing(version="1", home="", databases={}, files=files), copy, {"home": tmp_path / "new"})
    assert not list(outside.iterdir())
    evil = tmp_path / "new" / "x" / "evil"
    assert evil.read_text() == "evil"
    assert evil.stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("url", ["garbage", "postgresql://u:hunter2@db:port/x", "mysql://db/x", ""])
def test_what_is_no_database_s_url_is_refused_without_repeating_it(url: str):
    with pytest.raises(HubError, match=r"^that is no URL of a database: use \S+$"):
        databases.require_ready("postgresql", url)


@pytest.mark.parametrize("url", ["postgresql://ida:hunter2@db/x", "postgresql://ida@db/x?password=hunter2"])
def test_postgresql_s_programs_are_given_no_password_that_others_see(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/seen; test "$PGPASSWORD" = hunter2\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    databases.dump(url, tmp_path / "dumped")
    assert (tmp_path / "seen").read_text().split()[-1] == "postgresql://ida@db/x"


def test_an_empty_password_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/seen\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    databases.dump("postgresql://ida:@db/x", tmp_path / "dumped")
    assert (tmp_path / "seen").read_text().split()[-1] == "postgresql://ida@db/x"


def test_both_databases_in_postgresql(site: Site, tmp_path: Path, postgresql: Cluster):
    governance, hub, scratch = (
        postgresql.create(name) for name in ("backed_up", "backed_up_hub", "tried_on")
    )
    settings = site.hub / "settings.toml"
    settings.write_text(settings.read_text() + f'[database]\nhub = "{hub.replace("+psycopg", "")}"\n')
    kept = Site(site.root, governance, None, site.anchors)
    with database.writing(kept) as session:
        people.add(session, "ida", "Ida")
    make(kept, tmp_path / "backup", keep=1)

    steps = {step.what: step for step in drill(kept, tmp_path / "backup", scratch)}
    assert steps["people and projects"].said == "1 people, 0 projects"
    assert not steps["the hub's database"].well, "it had no tables yet"
