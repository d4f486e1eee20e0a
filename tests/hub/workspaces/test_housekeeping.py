"""The hub ends workspaces by itself, with a record before each step."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.permits import Registered, today
from sundbench.hub.workspaces.backup import backups
from sundbench.hub.workspaces.fate import ended
from sundbench.hub.workspaces.history import history
from sundbench.hub.workspaces.housekeeping import Housekeeping
from sundbench.hub.workspaces.settings import WorkspaceSettings
from sundbench.site import Site

TODAY = today()


class Journal:
    down = False

    def __init__(self) -> None:
        self.records: list[tuple[str, str, str]] = []

    async def record(self, actor: str, action: str, what: str, **detail: Any) -> None:
        if self.down:
            raise AuditError("the writer is down")
        self.records.append((actor, str(action), what))


def look(site: Site, journal: Journal, permits: list[Registered], busy: set[str] | None = None) -> None:
    keeping = Housekeeping(site, WorkspaceSettings(), journal)  # type: ignore[arg-type]
    asyncio.run(keeping.look(permits, TODAY, busy or set()))


def test_an_ended_permit(site: Site, permit: Callable[..., Registered]) -> None:
    (site.scratch / "lung-cancer").mkdir(parents=True)
    journal, over = Journal(), permit(days=-1)
    look(site, journal, [over], busy={"lung-cancer"})
    assert (site.scratch / "lung-cancer").exists()  # its servers are still being stopped
    journal.down = True
    look(site, journal, [over])
    assert ended(site, "lung-cancer") is None
    journal.down = False
    look(site, journal, [over])
    look(site, journal, [over])
    assert journal.records == [("hub", "workspace.close", "lung-cancer")]
    assert not (site.scratch / "lung-cancer").exists()


def test_a_copy_a_day(site: Site, permit: Callable[..., Registered], tmp_path: Path) -> None:
    kept = history(site, "lung-cancer")
    kept.workspace.mkdir(parents=True)
    (kept.workspace / "a.py").write_text("x")
    folder = tmp_path / "copies"
    keeping = Housekeeping(site, WorkspaceSettings(backup=folder), Journal())  # type: ignore[arg-type]

    async def two_looks() -> None:
        for _ in range(2):
            await keeping.look([permit()], TODAY, set())
        assert keeping._copying is not None
        await keeping._copying

    asyncio.run(two_looks())
    assert len(backups(folder, "lung-cancer")) == 1
