"""Starting, stopping and asking after an installation's hub, from another process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sundbench.errors import ClusterError, HubError
from sundbench.hub import check
from sundbench.hub.runtime import private
from sundbench.hub.settings import read
from sundbench.hub.supervisor import loop, notes, programs, table, winding_down
from sundbench.hub.supervisor.notes import Notes
from sundbench.site import Site
from sundbench.slurm import account_jobs
from sundbench.slurm.gate import NAME

_START_SECONDS = 120.0
_STOP_SECONDS = 180.0

Say = Callable[[str], object]


def start(site: Site) -> Notes:
    """Leave a supervisor running, and wait until the hub answers; nothing is done where it is up already.

    Returns:
        What runs.

    Raises:
        HubError: something unsafe or missing stands in the way (`check`), or the hub didn't come up; then
            nothing of it is left running.
    """
    found = notes.read(site)
    if found is not None and found.alive and found.ready:
        return found
    if found is None or not found.alive:
        check.refuse(check.check(site, thorough=False))
        said = _size(_log(site))
        process = _detach(site)
    else:
        process, said = None, 0
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        found = notes.read(site)
        if found is not None and found.alive and found.ready:
            return found
        if process is not None and process.poll() is not None:
            if found is not None and found.alive:  # another `start` came first: wait for what it has started
                process = None
                continue
            raise HubError(f"the hub didn't start: {_last_words(_log(site), said)}")
        time.sleep(0.1)
    stop(site, lambda _: None)
    raise HubError(
        f"the hub was not up after {_START_SECONDS:.0f} s and was stopped: see {site.hub / 'logs'}"
    )


def leave(site: Site) -> bool:
    """Stop the hub and all but the project servers, which the next start finds again.

    Returns:
        Whether it was up.

    Raises:
        HubError: its supervisor was killed, or doesn't end.
    """
    found = notes.read(site)
    if found is None or not found.alive:
        if table.strays(site):
            raise HubError(
                "the supervisor was killed: sundbench hub start first, it goes on with what is left"
            )
        return False
    _await(found, signal.SIGUSR1)
    return True


def _await(found: Notes, number: signal.Signals) -> None:
    found.supervisor.send(number)
    if not table.await_end([found.supervisor], _STOP_SECONDS):
        raise HubError(f"the supervisor, process {found.supervisor.pid}, doesn't end: kill it and stop again")


def stop(site: Site, say: Say) -> bool:
    """Stop servers, hub and all, whether a supervisor is at work or was killed.

    Args:
        site: the installation.
        say: told what is done.

    Returns:
        Whether anything ran.

    Raises:
        HubError: the supervisor doesn't end.
    """
    found = notes.read(site)
    ran = found is not None and found.alive
    if found is not None and ran:
        _await(found, signal.SIGTERM)
    if table.jobs(site) or table.strays(site):
        with loop.alone(site):
            say("ending what a killed supervisor left")
            winding_down.wind_down(site, say)
        return True
    return ran


def _detach(site: Site) -> subprocess.Popen[bytes]:
    private(private(site.hub) / "logs")
    with _log(site).open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "sundbench.hub.supervisor"],
            env=programs.surroundings(site),
            cwd=site.hub,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def _log(site: Site) -> Path:
    return site.hub / "logs" / "supervisor.log"


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _last_words(log: Path, since: int) -> str:
    """The last error in a log behind so many bytes: what an earlier start said is no reason of this one."""
    with log.open("rb") as file:
        file.seek(since)
        lines = file.read().decode(errors="replace").splitlines()
    said = [line.partition(" ERROR ")[2] for line in lines if " ERROR " in line]
    return said[-1] if said else f"see {log}"


@dataclass(frozen=True)
class Line:
    """One program of a hub.

    Attributes:
        name: what it is.
        state: ``up``, ``down``, or what else it is.
        pid: of its process.
        restarts: since the supervisor began; None where nobody counts.
    """

    name: str
    state: str
    pid: int | None
    restarts: int | None


@dataclass(frozen=True)
class Status:
    """How a hub stands.

    Attributes:
        up: the supervisor works and the hub answers.
        lines: its programs.
        servers: project servers at work.
        said: the whole in a sentence.
    """

    up: bool
    lines: list[Line]
    servers: int
    said: str


def status(site: Site) -> Status:
    """Ask how an installation's hub stands; changes nothing.

    Raises:
        HubError: the settings are wrong.
    """
    found, servers = notes.read(site), _servers(site)
    supervised = found is not None and found.alive
    answering = {programs.HUB: programs.hub_answers(read(site)), programs.AUDIT: programs.audit_answers(site)}
    lines = [
        Line(
            "supervisor",
            "up" if supervised else "down",
            found.supervisor.pid if found and supervised else None,
            None,
        )
    ]
    for name, answers in answering.items():
        process = found.running(name) if found else None
        state = "up" if answers else "down" if process is None else "doesn't answer"
        restarts = found.programs[name].restarts if found and name in found.programs else None
        lines.append(Line(name, state, process.pid if process else None, restarts))
    up = supervised and all(answering.values())
    if up and found is not None:
        said = f"up at {found.url} since {found.since}"
    elif supervised:
        said = f"not up yet, or not any more: the supervisor works on it, see {site.hub / 'logs'}"
    elif servers or table.strays(site):
        said = "the supervisor was killed: sundbench hub start goes on with what is left, stop ends it"
    else:
        said = "not up: sundbench hub start"
    return Status(up, lines, servers, said)


def _servers(site: Site) -> int:
    """How many project servers run, or wait to; as far as Slurm says, where they are its jobs."""
    if read(site).site.profile != "slurm":
        return len(table.jobs(site))
    try:
        return len(account_jobs.going(site, NAME))
    except ClusterError:
        return 0
