"""A project's folders when its permit ends: scratch and outboxes go, notebooks are kept, then deleted."""

import os
import stat
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.governance.permits import Registered, today
from sundbench.hub.workspaces.backup import backup, backups
from sundbench.hub.workspaces.fate import Step, due, ended
from sundbench.hub.workspaces.history import history
from sundbench.site import Site

TODAY = today()
KEEP = 365


@pytest.fixture
def project(site: Site) -> Path:
    """A workspace, scratch and outbox with something in them."""
    for root in (site.workspaces, site.scratch, site.outboxes):
        (root / "lung-cancer" / "anna").mkdir(parents=True)
        (root / "lung-cancer" / "anna" / "a.py").write_text("x")
    return site.workspaces / "lung-cancer"


def take(site: Site, permit: Registered, today: date, backups: Path | None = None) -> list[str]:
    steps = due(site, [permit], today, KEEP)
    for step in steps:
        step.take(site, today, backups)
    return [step.what for step in steps]


def test_while_the_permit_holds_nothing_is_due(
    site: Site, permit: Callable[..., Registered], project: Path
) -> None:
    assert due(site, [permit()], TODAY, KEEP) == []


def test_at_its_end_scratch_goes_and_the_notebooks_are_kept_read_only(
    site: Site, permit: Callable[..., Registered], project: Path
) -> None:
    assert take(site, permit(days=-1), TODAY) == ["close"]
    assert not (site.scratch / "lung-cancer").exists()
    assert not (site.outboxes / "lung-cancer").exists(), (
        "results of persons' data that nobody may ask for now"
    )
    for path in (project, project / "anna", project / "anna/a.py"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o277
        assert path.stat().st_uid == os.geteuid()
    assert history(site, "lung-cancer").versions()[0].what == "anna/a.py"
    assert take(site, permit(days=-1), TODAY) == []


def test_scratch_goes_however_deep_it_is(
    site: Site, permit: Callable[..., Registered], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.chdir(site.scratch / "lung-cancer")
        for _ in range(1500):
            Path("d").mkdir()
            there.chdir("d")
    assert take(site, permit(days=-1), TODAY) == ["close"]
    assert not (site.scratch / "lung-cancer").exists()


def test_a_project_s_account_leads_who_closes_it_nowhere(
    site: Site, permit: Callable[..., Registered], project: Path, tmp_path: Path
) -> None:
    """Its folders are its own, where projects have accounts, and root is who closes it."""
    history(site, "lung-cancer").sweep()
    laid = site.histories / "lung-cancer" / f".ended.json.{os.getpid()}"
    laid.symlink_to(tmp_path / "made")
    assert take(site, permit(days=-1), TODAY) == ["close"]
    assert not (tmp_path / "made").exists()


def test_a_workspace_that_is_a_link_is_not_closed_where_it_leads(
    site: Site, permit: Callable[..., Registered], project: Path, tmp_path: Path
) -> None:
    project.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o755)
    project.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HubError, match="is a link"):
        take(site, permit(days=-1), TODAY)
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o755


def test_after_its_time_all_of_it_is_deleted_copies_included(
    site: Site, permit: Callable[..., Registered], project: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    backup(site, "lung-cancer", copies, 3)
    take(site, permit(days=-1), TODAY)
    assert take(site, permit(days=-1), TODAY + timedelta(days=KEEP - 1), copies) == []
    assert take(site, permit(days=-1), TODAY + timedelta(days=KEEP), copies) == ["delete"]
    left = [root / "lung-cancer" for root in (site.workspaces, site.scratch, site.outboxes, site.histories)]
    assert not any(folder.exists() for folder in left)
    assert backups(copies, "lung-cancer") == []
    assert take(site, permit(days=-1), TODAY + timedelta(days=KEEP + 1), copies) == []


def test_a_permit_that_is_extended_gets_its_notebooks_back(
    site: Site, permit: Callable[..., Registered], project: Path
) -> None:
    take(site, permit(days=-1), TODAY)
    assert take(site, permit(days=100), TODAY) == ["reopen"]
    assert ended(site, "lung-cancer") is None
    (project / "anna/a.py").write_text("y")


def test_a_deletion_that_was_broken_off_is_finished(
    site: Site, permit: Callable[..., Registered], project: Path
) -> None:
    take(site, permit(days=-1), TODAY)
    later = TODAY + timedelta(days=KEEP)
    (project / "anna").chmod(0o700)
    (project / "anna/a.py").unlink()
    assert take(site, permit(days=-1), later) == ["delete"]
    assert not project.exists()


def test_links_of_the_tree_change_nothing_outside(site: Site, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "b.py").write_text("x")
    (outside / "b.py").chmod(0o644)
    (project / "link").symlink_to(outside)
    (project / "link.py").symlink_to(outside / "b.py")
    (project / "hard.py").hardlink_to(outside / "b.py")
    os.mkfifo(project / "pipe.py")
    for what in ("close", "delete"):
        Step("lung-cancer", what, "expired").take(site, TODAY, None)  # type: ignore[arg-type]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755
    assert stat.S_IMODE((outside / "b.py").stat().st_mode) == 0o644
    assert not project.exists()
