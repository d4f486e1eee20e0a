"""A kernel in its sandbox against the same kernel outside it: seconds until it answers.

Both are started by jupyter_client, turn about, from a broker and from this environment, and timed until they
reply to their first request. What both load is in the page cache before anything is measured.

    python -m benchmarks.bench_kernel --rounds 15
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from sundbench.hub.assignment import Assignment, Extract
from sundbench.hub.broker.broker import Broker
from sundbench.hub.broker.offers import REGISTER, offers
from sundbench.hub.broker.service import serving
from sundbench.hub.provisioner import BrokerProvisioner
from sundbench.hub.server.settings import Rules
from sundbench.hub.settings import Settings
from sundbench.registers.catalogue import Text
from sundbench.release import content
from sundbench.sandbox.policy import read

BOUND = 1.5
"""How many times as long the sandboxed kernel may take."""


class NoRecorder:
    """Stands for the audit's writer, which isn't measured here."""

    def record(self, action: str, object: str, /, **detail: object) -> int:  # noqa: A002
        return 0


def assignment(folder: Path) -> Assignment:
    """A server's, over empty folders."""
    for name in ("extract", "workspace", "scratch", "outbox", "runtime"):
        (folder / name).mkdir()
    (folder / "extract" / "extract.json").write_text('{"digest": "0"}')
    policy = read(content.kernels() / REGISTER)
    return Assignment(
        user="bench",
        permit="bench",
        title=Text(da="Måling", en="Measurement"),
        extract=Extract(folder=folder / "extract", digest="0"),
        workspace=folder / "workspace",
        scratch=folder / "scratch",
        outbox=folder / "outbox",
        runtime=folder / "runtime",
        audit_socket=folder / "audit.sock",
        audit_secret="none",
        environment={},
        address="http://127.0.0.1:8000/user/bench/bench/",
        port=0,
        server=policy.limits,
        kernel=policy.limits,
        kernels=1,
        rules=Rules.of(Settings()),
    )


@contextmanager
def serve(broker: Broker, socket: Path) -> Iterator[None]:
    """A broker on its socket, in a thread, until the block ends."""
    loop, done, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def run() -> None:
        async with serving(broker, socket):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def ready(manager: KernelManager) -> float:
    """Seconds from asking for a kernel to its first answer."""
    began = time.perf_counter()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        return time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def sandboxed(folder: Path, socket: Path, sockets: Path) -> KernelManager:
    """A manager whose kernel the broker starts."""
    manager = KernelManager(connection_file=str(folder / f"in-{time.monotonic_ns()}.json"))
    manager._kernel_spec = KernelSpec(display_name="in", language="python")
    manager.kernel_id = f"{time.monotonic_ns():016x}"
    manager.provisioner = BrokerProvisioner(
        kernel_id=manager.kernel_id,
        kernel_spec=manager.kernel_spec,
        parent=manager,
        policy=REGISTER,
        broker=str(socket),
        sockets=str(sockets),
    )
    return manager


def outside(folder: Path, argv: list[str]) -> KernelManager:
    """A manager whose kernel is a process of this environment's, with the same command."""
    manager = KernelManager(transport="ipc", connection_file=str(folder / f"out-{time.monotonic_ns()}.json"))
    manager._kernel_spec = KernelSpec(argv=argv, display_name="out", language="python")
    return manager


def main() -> int:
    """Measure, print medians and their ratio; 1 if it is over the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="sbb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        given = assignment(folder)
        may = offers(given, content.kernels())
        sockets, socket = given.runtime / "k", given.runtime / "broker.sock"
        sockets.mkdir()
        broker = Broker(may, limits=given.kernel, sockets=sockets, most=1, recorder=NoRecorder())
        argv = [
            part.replace("/run/kernel/connection.json", "{connection_file}") for part in may[REGISTER].argv
        ]
        limits = {
            "SUNDBENCH_CORES": str(given.kernel.cores),
            "SUNDBENCH_MEMORY": str(int(given.kernel.memory)),
        }
        os.environ.update(limits, IPYTHONDIR=str(folder / "ipython"))
        with serve(broker, socket):
            ways: dict[str, Callable[[], KernelManager]] = {
                "outside": lambda: outside(folder, argv),
                "sandbox": lambda: sandboxed(folder, socket, sockets),
            }
            for make in ways.values():
                ready(make())
            took: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(rounds):
                for way in sorted(ways, reverse=number % 2 == 1):
                    took[way].append(ready(ways[way]()))
    medians = {way: statistics.median(times) for way, times in took.items()}
    for way, times in took.items():
        print(f"{way:8} median {medians[way]:.3f} s, {min(times):.3f} to {max(times):.3f} s, {rounds} starts")
    ratio = medians["sandbox"] / medians["outside"]
    print(f"kernel ready in the sandbox: {ratio:.2f} times as long (bound {BOUND})")
    return int(ratio > BOUND)


if __name__ == "__main__":
    sys.exit(main())
