"""A whole hub, started and stopped: what is killed comes back, the log stays whole, nothing is left."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sundbench.cli.hub_demonstration import alone
from sundbench.errors import HubError
from sundbench.governance.audit.reading import Filter
from sundbench.governance.audit.reading import read as records
from sundbench.governance.audit.verify import verify
from sundbench.hub import settings
from sundbench.hub.supervisor import control, loop, notes, programs, table
from sundbench.hub.supervisor.table import Process
from sundbench.site import Site
from tests.hub.installation import free_ports


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path / "home", f"sqlite:///{tmp_path}/home/people.db")
    made.hub.mkdir(parents=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="sundbench-test-") as folder:
        monkeypatch.setenv("SUNDBENCH_RUNTIME", folder)
        write_settings(made)
        yield made
        control.stop(made, print)


def write_settings(site: Site) -> None:
    ports = free_ports(4)
    settings.path(site).write_text(
        f"[hub]\nport = {ports[0]}\nproxy_port = {ports[1]}\nhub_port = {ports[2]}\n"
        f"[dashboards]\nport = {ports[3]}\n"
    )


def wait_for(met: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def process_of(site: Site, name: str) -> Process:
    left = notes.read(site)
    assert left is not None
    found = left.running(name)
    assert found is not None
    return found


def test_a_hub_comes_up_survives_its_parts_and_leaves_nothing(site: Site) -> None:
    with ThreadPoolExecutor(2) as at_once:
        first, second = (at_once.submit(control.start, site) for _ in range(2))
        started = first.result()
        assert second.result() == started  # the one that came second waits for what the other has started
    assert control.status(site).up
    assert control.start(site) == started  # a second start leaves it alone

    for name in (programs.AUDIT, programs.HUB):
        before = process_of(site, name)
        before.send(signal.SIGKILL)
        wait_for(lambda name=name, before=before: before.alive is False and control.status(site).up)
        assert process_of(site, name) != before

    started.supervisor.send(signal.SIGKILL)
    wait_for(lambda: not started.alive)
    hub = process_of(site, programs.HUB)
    assert control.start(site).running(programs.HUB) == hub  # taken over, nobody noticed

    server = subprocess.Popen(["sleep", "1000"], env={**os.environ, table.MARK: str(site.root)})
    with alone(site):  # as `make cluster` is, where one before it was killed
        assert table.strays(site) == [Process.of(server.pid)], "a project's server goes on without the hub"
        assert site.runtime.exists()
        with pytest.raises(HubError, match="runs already"), alone(site):
            pass

    assert control.stop(site, print)
    assert server.wait() == -signal.SIGTERM
    assert table.strays(site) == []
    assert not site.runtime.exists()
    assert verify(site).problems == []
    done = [
        (record.action, record.detail.get("taken_over")) for record in records(site, Filter(action="hub"))
    ]
    both = [programs.AUDIT, programs.HUB]
    assert done == [("hub.start", []), ("hub.start", both), ("hub.stop", None)]


def test_an_error_of_the_check_refuses_the_start_and_nothing_runs(site: Site) -> None:
    port = settings.read(site).hub.port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(HubError, match="can't be used"):
        control.start(site)
    assert table.strays(site) == []


def test_a_supervisor_that_gives_up_is_quoted(site: Site) -> None:
    with loop.alone(site), pytest.raises(HubError, match=r"the hub didn't start: .* its hub is up already"):
        control.start(site)
    assert table.strays(site) == []


def test_what_an_earlier_start_said_is_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "supervisor.log"
    log.write_text("now ERROR the port was taken\n")
    before = log.stat().st_size
    assert control._last_words(log, before) == f"see {log}"
    with log.open("a") as file:
        file.write("later ERROR the disk is full\n")
    assert control._last_words(log, before) == "the disk is full"
