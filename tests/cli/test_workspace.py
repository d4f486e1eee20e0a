"""``sundbench workspace`` and ``sundbench packages``, as an operator uses them."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import SundbenchError
from sundbench.governance import database, people, permits
from sundbench.governance.audit.reading import Filter, read
from sundbench.governance.audit.recording import recording
from sundbench.governance.models import Role
from sundbench.governance.permit import parse
from sundbench.hub.workspaces.fate import ended
from sundbench.hub.workspaces.history import History, history
from sundbench.site import Site
from tests.hub.workspaces.conftest import PERMIT


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("SUNDBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    site = Site.from_environment()
    expiring(site, 100)
    return site


def expiring(site: Site, days: int, name: str = "lung-cancer") -> None:
    text = PERMIT.format(name=name, expires=permits.today() + timedelta(days=days))
    with database.writing(site) as session:
        permits.register(session, parse(text, "a test"), text, "karen")


@pytest.fixture
def kept(site: Site) -> History:
    kept = history(site, "lung-cancer")
    kept.workspace.mkdir(parents=True)
    for text in ("first", "second"):
        (kept.workspace / "a.py").write_text(text)
        kept.record(["a.py"], "anna")
    return kept


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def actions(site: Site) -> list[str]:
    return [record.action for record in read(site, Filter(project="lung-cancer"))]


def test_a_file_is_had_back(site: Site, kept: History) -> None:
    first = kept.versions("a.py")[-1].id[:12]
    assert first in run("workspace", "versions", "lung-cancer", "a.py")
    run("workspace", "revert", "lung-cancer", "a.py", first)
    assert (kept.workspace / "a.py").read_text() == "first"
    assert actions(site) == ["workspace.restore"]


def test_a_copy_is_made(site: Site, kept: History, tmp_path: Path) -> None:
    assert ".bundle" in run("workspace", "backup", "--to", str(tmp_path / "copies"))
    with pytest.raises(SundbenchError, match="no folder for copies"):
        run("workspace", "backup")


def test_at_the_permits_end(site: Site, kept: History, tmp_path: Path) -> None:
    assert "nothing is due" in run("workspace", "close")
    expiring(site, -1)
    assert "lung-cancer: close (expired)" in run("workspace", "close")
    assert "nothing is due" in run("workspace", "purge")
    run("workspace", "read", "lung-cancer", str(tmp_path / "out"))
    assert (tmp_path / "out" / "a.py").read_text() == "second"
    assert str((permits.today() + timedelta(days=365)).year) in run("workspace", "list")
    assert actions(site) == ["workspace.close", "workspace.read"]


def test_one_project_s_trouble_keeps_no_other_from_its_turn(
    site: Site, kept: History, tmp_path: Path
) -> None:
    expiring(site, 100, "a-later-one")
    (kept.repository / "config").write_text("[include]\n\tpath = /tmp/mine\n")
    other = history(site, "a-later-one")
    other.workspace.mkdir(parents=True)
    (other.workspace / "b.py").write_text("x")
    with pytest.raises(SundbenchError, match=r"^lung-cancer: .*could have git run programs"):
        run("workspace", "backup", "--to", str(tmp_path / "copies"), "lung-cancer", "a-later-one")
    assert len(list((tmp_path / "copies" / "a-later-one").iterdir())) == 1
    assert "can't be read" in run("workspace", "list")

    for name in ("lung-cancer", "a-later-one"):
        expiring(site, -1, name)
    kept.workspace.rename(tmp_path / "elsewhere")
    kept.workspace.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SundbenchError, match=r"^lung-cancer: .*is a link"):
        run("workspace", "close")
    assert ended(site, "a-later-one")
    assert not ended(site, "lung-cancer")


def test_only_a_steward_reads(site: Site, kept: History, tmp_path: Path) -> None:
    with database.writing(site) as session:
        people.add(session, "karen", "Karen", [Role.STEWARD])
    with pytest.raises(SundbenchError, match="karen"):
        run("workspace", "read", "lung-cancer", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_requests_for_packages(site: Site) -> None:
    with recording(site, "anna") as recorder:
        for name in ("lifelines", "Polars"):
            recorder.record("package.request", name, permit="lung-cancer", language="Python", why="Cox")
    lines = run("packages", "requests").splitlines()
    assert next(line for line in lines if "lifelines" in line).split("Cox")[0].rstrip().endswith("no")
    assert "2.1" in next(line for line in lines if "Polars" in line)
    assert "polars" in run("packages", "list", "polars")
