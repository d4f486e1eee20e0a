"""A project server's broker over invented folders, with real sandboxes, and clients that ask it."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from sundbench.errors import AuditError
from sundbench.hub import kernelspecs
from sundbench.hub.assignment import Assignment, Extract
from sundbench.hub.broker.broker import Broker
from sundbench.hub.broker.offers import offers
from sundbench.hub.broker.service import serving
from sundbench.hub.r import missing
from sundbench.hub.server.settings import Rules
from sundbench.hub.settings import Settings
from sundbench.registers.catalogue import Text
from sundbench.sandbox.policy import Limits

LIMITS = Limits(memory="700 MiB", cores=1, processes=128, file_size="64 MiB", disk="128 MiB", tmp="16 MiB")


@dataclass
class Recorded:
    """Stands for the audit's writer."""

    records: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    down: bool = False

    def record(self, action: str, object: str, /, **detail: object) -> int:  # noqa: A002
        if self.down:
            raise AuditError("the writer is down")
        self.records.append((str(action), object, detail))
        return len(self.records)

    @property
    def actions(self) -> list[str]:
        return [action for action, _, _ in self.records]


@pytest.fixture
def assignment(short: Path, tmp_path: Path) -> Assignment:
    """Anna's server in a project with an extract of one line and a synthetic one beside it."""
    return make_assignment(tmp_path, short)


def make_assignment(folder: Path, runtime: Path) -> Assignment:
    """An assignment over folders made below one, with its sockets in another."""
    data = {}
    for name in ("extract", "synthetic"):
        (folder / name).mkdir()
        (folder / name / "extract.json").write_text(f'{{"name": "{name}", "digest": "{name[0] * 64}"}}')
        data[name] = Extract(folder=folder / name, digest=name[0] * 64)
    for name in ("workspace", "scratch", "outbox"):
        (folder / name).mkdir()
    (folder / "workspace" / "first.ipynb").write_text("{}")
    return Assignment(
        user="anna",
        permit="lung-cancer",
        title=Text(da="Lungekræft", en="Lung cancer"),
        extract=data["extract"],
        synthetic=data["synthetic"],
        workspace=folder / "workspace",
        scratch=folder / "scratch",
        outbox=folder / "outbox",
        runtime=runtime,
        audit_socket=runtime / "writer" / "audit.sock",
        audit_secret="s3cret",
        environment={"JUPYTERHUB_API_TOKEN": "t0ken"},
        address="http://127.0.0.1:8000/user/anna/lung-cancer/",
        port=0,
        server=LIMITS,
        kernel=LIMITS,
        kernels=2,
        rules=Rules.of(Settings()),
        r=not missing(),
    )


@pytest.fixture(scope="session")
def r() -> None:
    """The R kernel, where this machine has it."""
    if missing():
        message = f"no R kernel here: install {' '.join(missing())}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@dataclass
class Served:
    """A broker that answers on its socket, in a thread."""

    broker: Broker
    recorded: Recorded
    socket: Path
    sockets: Path
    assignment: Assignment
    close: Callable[[], None]


@pytest.fixture
def served(
    sandboxes: None, assignment: Assignment, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A broker as a job has it; what a server would know of it stands in the environment."""
    with serve(assignment, repository / "kernels") as broker:
        monkeypatch.setenv("SUNDBENCH_BROKER", str(broker.socket))
        monkeypatch.setenv("SUNDBENCH_KERNEL_SOCKETS", str(broker.sockets))
        yield broker


class serve:  # noqa: N801 - reads as a function
    """Serve a broker in a thread until the block ends."""

    def __init__(self, assignment: Assignment, kernels: Path) -> None:
        may = offers(assignment, kernels)
        sockets = assignment.runtime / "k"
        sockets.mkdir(mode=0o700)
        kernelspecs.write(assignment.runtime / "jupyter" / "kernels", may, assignment)
        recorded = Recorded()
        broker = Broker(
            may, limits=assignment.kernel, sockets=sockets, most=assignment.kernels, recorder=recorded
        )
        self.socket = assignment.runtime / "broker.sock"
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.done = asyncio.Event()
        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._run()))
        self.served = Served(broker, recorded, self.socket, sockets, assignment, self._close)

    async def _run(self) -> None:
        async with serving(self.served.broker, self.socket):
            self.ready.set()
            await self.done.wait()

    def _close(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.done.set)
            self.thread.join(20)
            self.loop.close()

    def __enter__(self) -> Served:
        self.thread.start()
        self.ready.wait(10)
        return self.served

    def __exit__(self, *_: object) -> None:
        self._close()


Start = Callable[[str], tuple[KernelManager, BlockingKernelClient]]


@pytest.fixture
def start(served: Served) -> Iterator[Start]:
    """Start a kernel by the name of its kernelspec, and wait until it answers."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(started(served, name))


@contextmanager
def started(served: Served, name: str) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel that answers, until the block ends."""
    manager = new_manager(served, name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield manager, client
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def new_manager(served: Served, name: str) -> KernelManager:
    """A kernel's manager, as a server would have it."""
    specs = KernelSpecManager(
        kernel_dirs=[str(served.assignment.runtime / "jupyter" / "kernels")], ensure_native_kernel=False
    )
    manager = KernelManager(
        kernel_name=name,
        kernel_spec_manager=specs,
        connection_file=str(served.assignment.runtime / f"client-{name}.json"),
    )
    manager.shutdown_wait_time = 10
    return manager


def run(client: BlockingKernelClient, code: str, timeout: float = 60) -> str:
    """Execute code and give what it printed, or its error's name and value."""
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            said.append(content["text"])
        elif message["msg_type"] == "error":
            said.append(f"{content['ename']}: {content['evalue']}")

    client.execute_interactive(code, timeout=timeout, output_hook=hear)
    return "".join(said).strip()
