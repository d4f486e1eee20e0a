"""Processes are who they were, not what number they have."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

from sundbench.hub.supervisor import table
from sundbench.hub.supervisor.table import Process

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"


def own() -> Process:
    found = Process.of(os.getpid())
    assert found is not None
    return found


def test_a_process_is_alive_as_long_as_it_runs() -> None:
    child = subprocess.Popen(["sleep", "600"])
    process = Process.of(child.pid)
    assert process is not None
    assert process.alive
    child.kill()
    assert table.await_end([process], 5)  # before anyone took its exit status
    assert not process.alive
    child.wait()


def test_another_process_under_the_same_number_is_another() -> None:
    assert own().alive
    assert not replace(own(), started=own().started + 1).alive
    assert not replace(own(), boot="another").alive


def test_what_is_gone_gets_no_signal() -> None:
    replace(own(), started=0).send(signal.SIGKILL)  # or this would be the end


def test_what_does_not_end_when_asked_is_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    process = Process.of(child.pid)
    assert process is not None
    assert table.end([process], grace=0.2) == [process]
    assert child.wait(5) == -signal.SIGKILL


def test_nothing_asked_is_nothing_killed() -> None:
    assert table.end([], grace=1) == []
