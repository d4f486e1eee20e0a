"""Kernels: those of the list, and no other."""

import asyncio
import signal
from datetime import timedelta
from typing import Any

import pytest


def test_only_kernels_of_the_broker_are_offered(running) -> None:
    assert set(running.json("GET", "api/kernelspecs")["kernelspecs"]) == {"register-data", "synthetic-data"}
    assert running.json("GET", "api/kernelspecs")["default"] == "synthetic-data"


@pytest.mark.parametrize("name", ["python3", "local", "../kernels/local", "REGISTER-DATA", ""])
def test_no_other_kernel_starts(running, name: str) -> None:
    """A kernel of another kind would be a process beside the server's tokens."""
    before = running.json("GET", "api/kernels")

    if name:
        assert running.ask("POST", "api/kernels", {"name": name})[0] == 403
        assert running.writer.last("kernel.refused", name)
    body = {"path": "x.ipynb", "type": "notebook", "name": "x", "kernel": {"name": name or "python3"}}
    assert running.ask("POST", "api/sessions", body)[0] >= 400
    assert running.ask("GET", "api/kernelspecs/python3")[0] == 404
    assert running.json("GET", "api/kernels") == before


@pytest.mark.parametrize("kernel_id", ["../../escape", "a", "-1"])
def test_a_kernel_has_no_id_of_ones_own(running, kernel_id: str) -> None:
    assert running.ask("POST", "api/kernels", {"name": "synthetic-data", "kernel_id": kernel_id})[0] == 403


def test_a_register_kernels_notebook_is_remembered(running) -> None:
    body = {"path": "r.ipynb", "type": "notebook", "name": "r", "kernel": {"name": "register-data"}}

    session = running.json("POST", "api/sessions", body)
    running.ask("DELETE", f"api/sessions/{session['id']}")

    assert "r.ipynb" in running.app.contents_manager.register_paths


def test_idle_kernels_are_culled_and_busy_ones_are_not(running) -> None:
    manager = running.app.kernel_manager
    ids = [running.json("POST", "api/kernels", {"name": "synthetic-data"})["id"] for _ in range(2)]

    def later() -> Any:
        for kernel_id, state in zip(ids, ("idle", "busy"), strict=True):
            kernel = manager.get_kernel(kernel_id)
            manager.stop_watching_activity(kernel_id)
            kernel.execution_state = state
            kernel.last_activity -= timedelta(days=2)
        return manager.cull_kernels()

    running.inside(later)

    left = {kernel["id"] for kernel in running.json("GET", "api/kernels")}
    assert ids[0] not in left
    assert ids[1] in left
    running.ask("DELETE", f"api/kernels/{ids[1]}")


def test_a_kernel_that_has_died_and_is_on_its_way_back_is_ended_all_the_same(running) -> None:
    manager = running.app.kernel_manager
    kernel_id = running.json("POST", "api/kernels", {"name": "synthetic-data"})["id"]

    async def die_and_be_ended() -> None:
        kernel = manager.get_kernel(kernel_id)
        await kernel.signal_kernel(signal.SIGKILL)
        while await kernel.is_alive():
            await asyncio.sleep(0.01)
        coming_back = asyncio.ensure_future(kernel._restarter.poll())
        while kernel.ready.done():
            await asyncio.sleep(0)
        await manager.shutdown_kernel(kernel_id)
        await coming_back

    running.inside(die_and_be_ended)

    assert kernel_id not in {kernel["id"] for kernel in running.json("GET", "api/kernels")}


def test_the_state_says_whose_data_is_open(running) -> None:
    state = running.json("GET", "sundbench/state")

    assert state["project"] == "lung-cancer"
    assert state["title"]["da"] == "Lungekræft"


def test_kernels_are_reached_through_files_and_not_through_ports(running) -> None:
    kernel = running.json("POST", "api/kernels", {"name": "synthetic-data"})["id"]
    transport = running.app.kernel_manager.get_kernel(kernel).transport
    running.ask("DELETE", f"api/kernels/{kernel}")

    assert transport == "ipc"
