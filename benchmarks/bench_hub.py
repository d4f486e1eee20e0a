"""Many users log in and start their servers at once: do all get one, and how long do they wait?

A whole hub with its real jobs, servers and sandboxes is set up in a folder of its own, with as many members
of one project as there are users. All log in and press "start" at the same moment; the queue lets them wait,
and nobody may be turned away. Seconds are printed and judge nothing: they are the machine's.

    python -m benchmarks.bench_hub --users 30
    python -m benchmarks.bench_hub --users 50 --slurm   # on this machine, and then as jobs of a real Slurm

With ``--slurm`` the same users do the same once more where their servers are jobs of the small cluster of
``sundbench hub cluster`` (as root), and both are compared. Its nodes share this machine's processors, and
offer more than it has: all servers start at once there, where the hub on one machine lets some wait.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.hub_places import Place, beside_the_hub, on_slurm
from sundbench.governance import database, people, permits
from sundbench.governance.models import Role
from sundbench.governance.permit import parse
from sundbench.hub import passwords
from sundbench.hub.runtime import private
from sundbench.hub.supervisor import control, notes, programs
from sundbench.release.synthetic_extract import synthetic_extract
from sundbench.site import Site
from sundbench.store.vault import Vault
from tests.hub.installation import Visitor, free_ports, permit_text

PROJECT = "bench"
PATIENCE = 1200.0
"""Seconds after which a start that was neither refused nor done counts as failed."""


@dataclass(frozen=True)
class Lived:
    """What one user went through.

    Attributes:
        log_in: seconds from the log-in page to the front page.
        start: seconds from pressing "start" until JupyterLab's page came.
        queued: whether the page said that others were ahead.
        why: what was said where there is no server; else empty.
    """

    log_in: float
    start: float
    queued: bool
    why: str


@dataclass(frozen=True)
class Used:
    """What one server used until everybody had theirs.

    Attributes:
        memory: bytes of its processes, what they share with others in proportion.
        processor: seconds.
    """

    memory: float
    processor: float


@dataclass(frozen=True)
class Day:
    """What was seen of one hub.

    Attributes:
        name: where its servers ran.
        lived: what its users went through.
        total: seconds until all were at work.
        servers: what each that runs has used.
        hub: bytes of the hub's own process.
    """

    name: str
    lived: list[Lived]
    total: float
    servers: list[Used]
    hub: int

    @property
    def failed(self) -> list[str]:
        """Why somebody got no server."""
        return [one.why for one in self.lived if one.why]

    @property
    def lost(self) -> int:
        """Servers that somebody got and that don't run; less than nothing: such as run for nobody."""
        return len(self.lived) - len(self.failed) - len(self.servers)


def installation(root: Path, users: list[str], settings: str) -> tuple[Site, dict[str, str]]:
    """A site with one project whose members are the users; and their passwords."""
    key = root / "vault.key"
    Vault.create_key(key)
    site = Site(root, f"sqlite:///{root / 'sundbench.db'}", vault_key_file=key)
    text = permit_text(PROJECT, tuple(f"{user}:researcher" for user in users))
    with database.writing(site) as session:
        people.add(session, "steward", "Steward", (Role.STEWARD,))
        for user in users:
            people.add(session, user, user, ())
        permits.register(session, parse(text, PROJECT), text, "steward")
    synthetic_extract(site, PROJECT, persons=60, analyses=root)
    drawn = {user: passwords.generate() for user in users}
    (private(site.hub) / "settings.toml").write_text(settings, encoding="utf-8")
    for user, password in drawn.items():
        passwords.put(site, user, password)
    return site, drawn


def settings_for(place: Place) -> str:
    """The hub's settings."""
    public, proxy, hub = free_ports(3)
    return (
        f'[site]\ndemonstration = true\nprofile = "{place.name}"\n[dashboards]\nenabled = false\n'
        f"[hub]\nport = {public}\nproxy_port = {proxy}\nhub_port = {hub}\n{place.settings}"
    )


class Patient(requests.Session):
    """Waits as long as a person who has nothing else to do; how long that was is what is measured."""

    def request(self, *asked: Any, **more: Any) -> requests.Response:  # noqa: ANN401
        """As any session's, whatever else was said of a timeout."""
        return super().request(*asked, **{**more, "timeout": PATIENCE})


@contextmanager
def hub(site: Site) -> Iterator[str]:
    """The site's hub at work; its address."""
    try:
        yield control.start(site).url
    finally:
        control.stop(site, lambda _: None)


def live(url: str, user: str, password: str, together: threading.Barrier) -> Lived:
    """Log in and start a server as a browser would, which follows the page of a start."""
    visitor = Visitor(url, session=Patient())
    together.wait()
    began = time.perf_counter()
    answer = visitor.log_in(user, password)
    logged_in = time.perf_counter()
    if not answer.ok:
        return Lived(logged_in - began, 0.0, queued=False, why=f"log-in: HTTP {answer.status_code}")
    page, queued = visitor.post(f"hub/spawn/{user}/{PROJECT}"), False
    while "data-progress" in page.text and time.perf_counter() - logged_in < PATIENCE:
        queued |= follow(visitor, page.text)
        page = visitor.get(f"hub/spawn-pending/{user}/{PROJECT}")
    if page.ok and f"/user/{user}/" in page.url:
        page = visitor.get(f"user/{user}/{PROJECT}/lab")
    got = page.ok and f"/user/{user}/" in page.url
    why = "" if got else f"start: HTTP {page.status_code} at {page.url}: {words_of(page)}"
    return Lived(logged_in - began, time.perf_counter() - logged_in, queued, why)


def follow(visitor: Visitor, page: str) -> bool:
    """Listen to the progress of a start until it ends; whether it spoke of a queue."""
    found = re.search(r'data-progress="([^"]+)"', page)
    assert found is not None
    queued = False
    headers = {"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    with visitor.get(html.unescape(found[1]), headers=headers, stream=True) as answer:
        for line in map(str, answer.iter_lines(decode_unicode=True)):
            if line.startswith("data: "):
                told = json.loads(line.removeprefix("data: "))
                queued |= "queue" in told.get("message", "")
    return queued


def words_of(page: requests.Response) -> str:
    """What a page says, without its frame."""
    found = re.search(r"<main.*</main>", page.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found[0] if found else page.text).split())[:300]


def used(job: psutil.Process) -> Used:
    """What a job and all that it has started have used so far."""
    memory = processor = 0.0
    for process in (job, *job.children(recursive=True)):
        memory += process.memory_full_info().pss
        processor += sum(process.cpu_times()[:4])
    return Used(memory, processor)


def lived_through(place: Place, users: list[str]) -> Day:
    """Let all users come to a hub of its own, and look at what they and it went through."""
    root = Path(tempfile.mkdtemp(prefix="sb-bench-"))
    try:
        site, drawn = installation(root, users, settings_for(place))
        with place.ready(site), hub(site) as url, ThreadPoolExecutor(len(users)) as crowd:
            together = threading.Barrier(len(users) + 1)
            waiting = [crowd.submit(live, url, user, drawn[user], together) for user in users]
            together.wait()
            began = time.perf_counter()
            lived = [one.result() for one in waiting]
            total = time.perf_counter() - began
            servers = [used(job) for job in place.jobs(site)]
            noted = notes.read(site)
            process = noted.running(programs.HUB) if noted else None
            memory = psutil.Process(process.pid).memory_info().rss if process else 0
            return Day(place.name, lived, total, servers, memory)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def share(numbers: list[float], part: float) -> float:
    """The smallest number that at least so large a part of them doesn't exceed."""
    return sorted(numbers)[ceil(part * len(numbers)) - 1]


def show(day: Day) -> None:
    """Print what was seen of one hub."""
    print(f"{day.name}:")
    for what, seconds in (
        ("log-in", [one.log_in for one in day.lived]),
        ("start, the queue included", [one.start for one in day.lived]),
    ):
        print(
            f"  {what:26} median {statistics.median(seconds):6.1f} s, 95 % {share(seconds, 0.95):6.1f} s,"
            f" longest {max(seconds):6.1f} s"
        )
    print(f"  {'all at work after':26}        {day.total:6.1f} s on {psutil.cpu_count()} processors")
    print(f"  {'the hub':26}        {day.hub / 2**20:6.0f} MiB")
    if day.servers:
        print(
            f"  {'one server':26} median {statistics.median(one.memory for one in day.servers) / 2**20:6.0f}"
            f" MiB, {statistics.median(one.processor for one in day.servers):.1f} s of processor time"
        )
    count, queued = len(day.lived), sum(one.queued for one in day.lived)
    print(f"  {count - len(day.failed)} of {count} got their server; {queued} were told that they queue")
    print(f"  {day.lost} servers were lost")
    for why in day.failed:
        print(f"    not: {why}")


def compare(day: Day, other: Day) -> None:
    """Print how often as long, or as much, it was."""
    ratios = {
        "log-in": [statistics.median(one.log_in for one in seen.lived) for seen in (day, other)],
        "start": [statistics.median(one.start for one in seen.lived) for seen in (day, other)],
        "all at work": [day.total, other.total],
        "the hub's memory": [day.hub, other.hub],
    }
    told = ", ".join(f"{what} {one / another:.2f}" for what, (one, another) in ratios.items() if another)
    print(f"{day.name} to {other.name}: {told}")


def main() -> int:
    """Measure and print; 1 if somebody got no server, or lost it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--slurm", action="store_true", help="the same as jobs of a small Slurm too")
    given = parser.parse_args()
    users = [f"user{number:02}" for number in range(given.users)]
    days = []
    for where in (beside_the_hub, *([on_slurm] if given.slurm else [])):
        with where(len(users)) as place:
            days.append(lived_through(place, users))
        show(days[-1])
    if given.slurm:
        compare(days[1], days[0])
    return int(any(day.failed or day.lost for day in days))


if __name__ == "__main__":
    sys.exit(main())
