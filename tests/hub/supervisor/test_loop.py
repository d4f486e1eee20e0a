"""The supervisor at work, on programs that only wait: what dies comes back, what is stopped is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub import settings
from sundbench.hub.supervisor import control, loop, notes, table
from sundbench.hub.supervisor.notes import Notes
from sundbench.hub.supervisor.table import MARK, Process
from sundbench.site import Site
from tests.hub.installation import free_ports

SCRIPT = """
import logging, os, signal, sys
from pathlib import Path
from sundbench.hub.supervisor import loop, programs
from sundbench.hub.supervisor.programs import Program
from sundbench.site import Site

site = Site.from_environment()
def running(name, code="import time; time.sleep(600)"):
    ready = lambda: "SystemExit" not in code
    log, command = site.hub / f"{name}.log", [sys.executable, "-c", code]
    return Program(name, command, programs.surroundings(site), site.hub, log, ready)
wanted = [running(programs.AUDIT), running(programs.HUB, *sys.argv[1:])]
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
loop.programs = lambda _: wanted
loop.supervise(site)
"""

FAKE_HUB = """
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Hub(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Path("asked").write_text(f"{{self.path}} {{self.headers['Authorization']}} {{body}}")
        self.send_response(202)
        self.end_headers()

server = HTTPServer(("127.0.0.1", {port}), Hub)
Path("up").touch()
server.handle_request()
"""

Supervise = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path / "home", f"sqlite:///{tmp_path}/people.db")
    made.hub.mkdir(parents=True)
    ports = free_ports(4)
    made.hub.joinpath("settings.toml").write_text(
        f"[hub]\nport = {ports[0]}\nproxy_port = {ports[1]}\nhub_port = {ports[2]}\n"
        f"[dashboards]\nport = {ports[3]}\n"
    )
    yield made
    table.end([*table.jobs(made), *table.strays(made)], grace=2)


@pytest.fixture
def supervise(site: Site) -> Supervise:
    def start(*arguments: str, until_ready: bool = True) -> "subprocess.Popen[str]":
        environment = os.environ | {"SUNDBENCH_HOME": str(site.root), MARK: str(site.root)}
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )
        if until_ready:
            wait_for(lambda: (left := notes.read(site)) is not None and left.alive and left.ready)
        return process

    return start


def wait_for(met: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def noted(site: Site) -> Notes:
    left = notes.read(site)
    assert left is not None
    return left


def process_of(site: Site, name: str) -> Process:
    found = noted(site).running(name)
    assert found is not None
    return found


def a_job(site: Site) -> "subprocess.Popen[bytes]":
    """What looks like the job of a project's server."""
    assignment = str(site.runtime / "s/01234567/assignment.json")
    code = [sys.executable, "-c", "import time; time.sleep(600)", "-m", "sundbench.hub.job", assignment]
    return subprocess.Popen(code, start_new_session=True)


def test_what_dies_is_started_again_and_the_log_says_so(site: Site, supervise: Supervise) -> None:
    supervisor = supervise()
    before, writer = process_of(site, "hub"), process_of(site, "audit writer")
    before.send(signal.SIGKILL)
    wait_for(lambda: (now := noted(site).running("hub")) is not None and now != before)
    assert process_of(site, "audit writer") == writer
    assert noted(site).programs["hub"].restarts == 1
    control.stop(site, print)
    _, said = supervisor.communicate()
    assert f"hub: process {before.pid} was ended by SIGKILL; starting it again" in said


def test_stopping_ends_programs_and_project_servers(site: Site, supervise: Supervise) -> None:
    supervisor = supervise()
    job = a_job(site)
    wait_for(lambda: len(table.jobs(site)) == 1)
    assert control.stop(site, print)
    assert supervisor.wait(5) == 0
    assert job.wait(5) == -signal.SIGTERM
    assert table.strays(site) == []
    assert not site.runtime.exists()
    assert not control.stop(site, print)


def test_the_next_supervisor_takes_over_what_a_killed_one_left(site: Site, supervise: Supervise) -> None:
    supervise().kill()
    wait_for(lambda: not noted(site).alive)
    left = process_of(site, "hub"), process_of(site, "audit writer")
    second = supervise()
    assert (process_of(site, "hub"), process_of(site, "audit writer")) == left
    left[0].send(signal.SIGKILL)
    wait_for(lambda: noted(site).programs["hub"].restarts == 1)
    control.stop(site, print)
    assert f"took over process {left[0].pid}" in second.communicate()[1]


def test_stopping_works_after_the_supervisor_was_killed(site: Site, supervise: Supervise) -> None:
    supervise().kill()
    wait_for(lambda: not noted(site).alive)
    job = a_job(site)
    wait_for(lambda: len(table.jobs(site)) == 1)
    said: list[str] = []
    assert control.stop(site, said.append)
    assert "ending what a killed supervisor left" in said
    assert job.wait(5) == -signal.SIGTERM
    assert table.strays(site) == []


def test_a_second_supervisor_is_refused(site: Site, supervise: Supervise) -> None:
    supervise()
    second = supervise(until_ready=False)
    assert "is up already" in second.communicate()[1]
    with pytest.raises(HubError, match="is up already"), loop.alone(site):
        pass


def test_a_program_that_never_comes_up_ends_the_start(site: Site, supervise: Supervise) -> None:
    supervisor = supervise("raise SystemExit(3)", until_ready=False)
    _, said = supervisor.communicate(timeout=30)
    assert "ended with status 3, 3 times while starting: see" in said
    assert table.strays(site) == []


def test_the_hub_is_asked_to_stop_its_servers_under_the_supervisors_own_token(
    site: Site, supervise: Supervise
) -> None:
    port = settings.read(site).hub.hub_port
    supervisor = supervise(FAKE_HUB.format(port=port))
    wait_for((site.hub / "up").exists)
    control.stop(site, print)
    _, said = supervisor.communicate()
    asked = (site.hub / "asked").read_text()
    token = (site.hub / "secrets/supervisor").read_text()
    assert asked == f'/hub/api/shutdown token {token} {{"servers": true, "proxy": true}}'
    assert "doesn't take" not in said


def test_waits_double_up_to_a_minute() -> None:
    assert [loop.wait_after(deaths) for deaths in range(1, 10)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_the_status_says_what_is_up_and_what_was_left(site: Site, supervise: Supervise) -> None:
    assert control.status(site).said == "not up: sundbench hub start"
    first = supervise()
    assert not control.status(site).up  # programs that only wait don't answer
    assert [line.name for line in control.status(site).lines] == ["supervisor", "hub", "audit writer"]
    first.kill()
    wait_for(lambda: not noted(site).alive)
    assert "the supervisor was killed" in control.status(site).said
