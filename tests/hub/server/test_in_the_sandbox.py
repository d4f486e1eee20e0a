"""The real server in its real sandbox, with real kernels beside it; hub and audit writer are stand-ins."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from sundbench.hub.assignment import Assignment, Extract
from sundbench.hub.server.settings import Rules
from sundbench.hub.settings import Settings
from sundbench.registers.catalogue import Text
from sundbench.sandbox.policy import Limits
from tests.hub.installation import free_ports

from .conftest import Hub, Running, Writer, environment
from .test_channels import Page, talk, text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("sandboxes"),
]
LIMITS = Limits(memory="900 MiB", cores=1, processes=256, file_size="64 MiB", disk="128 MiB", tmp="64 MiB")


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A job with its server, as the spawner starts it."""
    folder = tmp_path_factory.mktemp("job")
    runtime = Path(tempfile.mkdtemp(prefix="sbs-"))
    hub, writer = Hub(), Writer(runtime.parent / f"{runtime.name}.sock")
    loop, ready = asyncio.new_event_loop(), threading.Event()

    def outside() -> None:
        asyncio.set_event_loop(loop)
        sockets = bind_sockets(0, "127.0.0.1")
        hub.port = sockets[0].getsockname()[1]

        async def begin() -> None:
            HTTPServer(hub.application()).add_sockets(sockets)
            await asyncio.start_unix_server(writer.serve, writer.path, limit=1 << 21)
            ready.set()

        loop.run_until_complete(begin())
        loop.run_forever()

    threading.Thread(target=outside, daemon=True).start()
    assert ready.wait(10)
    for name in ("notebooks", "scratch", "outbox", "synthetic"):
        (folder / name).mkdir()
    about = {"synthetic": True, "digest": "5" * 64}
    (folder / "synthetic" / "extract.json").write_text(json.dumps(about))
    (hub.server_port,) = free_ports(1)
    path = Assignment(
        user="anna",
        permit="lung-cancer",
        title=Text(da="Lungekræft", en="Lung cancer"),
        synthetic=Extract(folder=folder / "synthetic", digest="5" * 64),
        workspace=folder / "notebooks",
        scratch=folder / "scratch",
        outbox=folder / "outbox",
        runtime=runtime,
        audit_socket=writer.path,
        audit_secret="s3cret",
        environment=environment(hub.port, hub.server_port),
        address=f"http://127.0.0.1:{hub.server_port}/user/anna/lung-cancer/",
        port=hub.server_port,
        server=LIMITS,
        kernel=LIMITS,
        kernels=4,
        rules=Rules.of(Settings()),
    ).write(runtime / "assignment.json")
    log = (folder / "job.log").open("wb")
    job = subprocess.Popen([sys.executable, "-m", "sundbench.hub.job", str(path)], stdout=log, stderr=log)
    server = Running(hub.server_port, folder, hub, writer, SimpleNamespace(job=job), loop)
    try:
        for _ in range(300):
            try:
                assert server.ask("GET", "api/status")[0] == 200
                break
            except OSError:
                assert job.poll() is None, (folder / "job.log").read_text()
                time.sleep(0.1)
        yield server
    finally:
        job.terminate()
        job.wait(30)
        loop.call_soon_threadsafe(loop.stop)
        shutil.rmtree(runtime, ignore_errors=True)
        writer.path.unlink(missing_ok=True)


def test_no_process_shows_a_token(sandboxed: Running) -> None:
    job = psutil.Process(sandboxed.app.job.pid)

    for process in [job, *job.children(recursive=True)]:
        shown = Path(f"/proc/{process.pid}/environ").read_bytes() + "".join(process.cmdline()).encode()
        assert b"server-token" not in shown
        assert b"s3cret" not in shown


@pytest.mark.parametrize("target", ["/proc/self/environ", "/proc/1/environ", "/run/sundbench/broker.sock"])
def test_a_link_in_the_workspace_shows_nothing_of_the_server(sandboxed: Running, target: str) -> None:
    (sandboxed.notebooks / "link.txt").symlink_to(target)

    status, _, content = sandboxed.ask("GET", "api/contents/link.txt?type=file")

    (sandboxed.notebooks / "link.txt").unlink()
    assert status == 403
    assert b"TOKEN" not in content


def test_a_kernel_runs_beside_the_server_and_is_recorded(sandboxed: Running) -> None:
    kernel = sandboxed.json("POST", "api/kernels", {"name": "synthetic-data"})["id"]
    see = "import os; print(os.getcwd(), sorted(os.environ)); print(os.path.exists('/run/sundbench'))"

    came = talk(sandboxed, kernel, lambda page: page.run(see))

    assert "/work" in text(came)
    assert "TOKEN" not in text(came)
    assert "False" in text(came)
    assert sandboxed.writer.of("execute")[-1]["detail"]["code"] == see
    sandboxed.ask("DELETE", f"api/kernels/{kernel}")


def test_a_dask_dashboard_comes_through(sandboxed: Running) -> None:
    kernel = sandboxed.json("POST", "api/kernels", {"name": "synthetic-data"})["id"]
    cluster = (
        "from dask.distributed import LocalCluster\n"
        "cluster = LocalCluster(n_workers=1, processes=False)\n"
        "import os; print('up', os.listdir('/run/kernel'))"
    )
    assert sandboxed.ask("GET", f"sundbench/dask/{kernel}/status")[0] == 404

    said = text(talk(sandboxed, kernel, lambda page: page.run(cluster)))
    assert "dash.sock" in said

    status, headers, content = sandboxed.ask("GET", f"sundbench/dask/{kernel}/status")
    assert status == 200
    script = re.search(rb'src="(static/js/bokeh\.min\.js[^"]*)"', content)
    assert script, content[:500]
    assert sandboxed.ask("GET", f"sundbench/dask/{kernel}/{script[1].decode()}")[0] == 200
    assert "sandbox" in headers["Content-Security-Policy"]
    assert b"cdn." not in content
    sandboxed.ask("DELETE", f"api/kernels/{kernel}")


def test_a_kernel_out_of_memory_says_so_in_its_cell(sandboxed: Running) -> None:
    kernel = sandboxed.json("POST", "api/kernels", {"name": "synthetic-data"})["id"]

    async def fill(page: Page) -> str:
        await page.send("execute_request", {"code": "kept = [bytearray(50_000_000) for _ in range(100)]"})
        said, until = "", time.monotonic() + 40
        while "restarting" not in said and "MemoryError" not in said and time.monotonic() < until:
            said += str(await asyncio.wait_for(page._socket.read_message(), 40))
        return said

    said = talk(sandboxed, kernel, fill)

    assert "memory" in said.lower()
    sandboxed.ask("DELETE", f"api/kernels/{kernel}")


def test_shared_code_is_written_by_the_server(sandboxed: Running) -> None:
    body: dict[str, Any] = {"type": "file", "format": "text", "content": "answer = 42\n"}

    sandboxed.json("PUT", "api/contents/shared.py", body)

    assert (sandboxed.notebooks / "shared.py").read_text() == "answer = 42\n"
