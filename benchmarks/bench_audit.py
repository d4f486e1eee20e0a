"""What the audit log costs: how long one record takes to be on the disk, and how many a second there can be.

python benchmarks/bench_audit.py --folder FOLDER-ON-THE-DISK-TO-MEASURE
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sundbench.errors import AuditError
from sundbench.governance.audit.async_client import AsyncClient
from sundbench.governance.audit.client import Client
from sundbench.governance.audit.places import authority, digest, socket_path
from sundbench.site import Site

SECRET = "a secret for measuring only, of this run"
CODE = "cohort = study.collect(db)\ncohort.table.to_pandas().groupby('drug').size()\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write the log (default: the temporary folder)")
    parser.add_argument("--servers", type=int, default=30)
    parser.add_argument("--records", type=int, default=300, help="of each server")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sb-") as runtime,
        tempfile.TemporaryDirectory(prefix="audit-", dir=given.folder) as home,
    ):
        os.environ["SUNDBENCH_RUNTIME"] = runtime
        site = Site.from_environment(Path(home))
        writer = subprocess.Popen(
            [sys.executable, "-m", "sundbench.governance.audit.writer", "--home", home],
            stderr=subprocess.DEVNULL,
        )
        try:
            measure(site, given.servers, given.records)
        finally:
            writer.terminate()
            writer.wait()


def measure(site: Site, servers: int, records: int) -> None:
    hub = Client(socket_path(site), authority(site))
    for _ in range(500):
        try:
            hub.register(digest(SECRET), "anna", "lung-cancer", "0" * 64, ["execute"])
        except AuditError:
            time.sleep(0.02)
        else:
            break
    client = Client(socket_path(site), SECRET)
    told("one after the other", [timed(client) for _ in range(200)])

    async def server() -> list[float]:
        own = AsyncClient(socket_path(site), SECRET)
        waits = []
        for _ in range(records):
            began = time.perf_counter()
            await own.record("execute", "kernel", code=CODE)
            waits.append(time.perf_counter() - began)
        await own.close()
        return waits

    async def all_at_once() -> list[list[float]]:
        return await asyncio.gather(*(server() for _ in range(servers)))

    began = time.perf_counter()
    waits = [wait for one in asyncio.run(all_at_once()) for wait in one]
    seconds = time.perf_counter() - began
    told(f"{servers} servers at once", waits)
    print(f"{'':24} {len(waits) / seconds:8,.0f} records a second")


def timed(client: Client) -> float:
    began = time.perf_counter()
    client.record("execute", "kernel", code=CODE)
    return time.perf_counter() - began


def told(what: str, waits: list[float]) -> None:
    cuts = [1000 * cut for cut in statistics.quantiles(waits, n=100)]
    print(f"{what:24} median {cuts[49]:6.2f} ms   95% {cuts[94]:6.2f} ms   99% {cuts[98]:6.2f} ms")


if __name__ == "__main__":
    main()
