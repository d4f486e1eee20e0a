"""What a supervisor leaves word of: what runs, for ``sundbench hub status`` and for the next supervisor."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sundbench import aside
from sundbench.hub.supervisor.table import Process
from sundbench.site import Site


class ProgramNote(BaseModel):
    """One program.

    Attributes:
        process: what runs it; None while it waits for its next start.
        restarts: how often it has been started again.
    """

    model_config = ConfigDict(frozen=True)

    process: Process | None
    restarts: int


class Notes(BaseModel):
    """What one supervisor runs.

    Attributes:
        version: of Sundbench.
        supervisor: its own process.
        since: when it began, UTC.
        ready: everything has been up at once.
        url: what to type into a browser.
        programs: by name.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    supervisor: Process
    since: str
    ready: bool
    url: str
    programs: dict[str, ProgramNote]

    @property
    def alive(self) -> bool:
        """Whether that supervisor still works."""
        return self.supervisor.alive

    def running(self, name: str) -> Process | None:
        """The process of a program, if it is still there."""
        note = self.programs.get(name)
        return note.process if note is not None and note.process is not None and note.process.alive else None


def read(site: Site) -> Notes | None:
    """What the last supervisor noted; None where there was none, or its notes can't be read."""
    try:
        return Notes.model_validate_json(_file(site).read_bytes())
    except (OSError, ValidationError):
        return None


def write(site: Site, notes: Notes) -> None:
    """Note it, whole or not at all."""
    aside.write(_file(site), notes.model_dump_json(indent=1), mode=0o666)


def _file(site: Site) -> Path:
    return site.hub / "processes.json"
