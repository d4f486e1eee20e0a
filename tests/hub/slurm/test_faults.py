"""What goes wrong under a hub whose servers are Slurm's jobs: people read what it is, and all comes back.

One hub for all of it, on PostgreSQL, with the audit log and the jobs' letters each on a disk of its own.
"""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import chain, compress
from pathlib import Path

import pytest
import requests

from sundbench.slurm import folders
from sundbench.slurm.small.cluster import running
from tests.hub.installation import Visitor, amend, eventually, free_ports, make_platform
from tests.hub.slurm.conftest import SETTINGS, Cluster, at_work_on
from tests.postgresql import Cluster as Postgresql

PROJECTS = ("faults-one", "faults-two")
CROWD = {f"thirty-{project}": tuple(f"p{project}{number}" for number in range(10)) for project in "abc"}
"""Ten more people in each of three projects."""
AWAY = 60
"""Seconds without databases: longer than the hub lets pass between two looks at who may still do what."""


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A small disk at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Somebody else takes all the room that a disk has left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**16, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture(scope="module")
def cluster(postgresql: Postgresql, sandboxes: None) -> Iterator[Cluster]:
    """Two projects of a member each, three of ten, and four places for servers on two nodes."""
    root = Path(tempfile.mkdtemp(prefix="sb-faults-"))
    root.chmod(0o755)
    (audit,) = free_ports(1)
    url = postgresql.create("hub_with_faults").replace("+psycopg", "")
    home = root / "home"
    # Disks before the cluster: its nodes see what was there before them.
    with disk(home / "audit", "1m"), disk(home / "jobs", "1m"), running(nodes=2, cores=2) as slurm:
        settings = SETTINGS.format(host=slurm.host_address, audit=audit) + f'[database]\nhub = "{url}"\n'
        platform = make_platform(home, [], settings, postgresql.create("faults"))
        made = Cluster(platform, slurm, PROJECTS)
        for project in PROJECTS:
            platform.add_project(project, (f"{made.user(project)}:researcher",))
        for project, members in CROWD.items():
            amend(platform.site, project, tuple(f"{user}:researcher" for user in members))
        for user in (*map(made.user, PROJECTS), *chain(*CROWD.values())):
            platform.give_password(user)
        with at_work_on(slurm, platform, own=(*PROJECTS, *CROWD)):
            yield made
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def one(cluster: Cluster) -> Visitor:
    """The first project's member, who has a server."""
    visitor = cluster.member(PROJECTS[0])
    assert visitor.start(PROJECTS[0]).ok
    return visitor


@pytest.fixture(scope="module")
def two(cluster: Cluster) -> Visitor:
    """The second project's, who has none."""
    return cluster.member(PROJECTS[1])


def works(visitor: Visitor, project: str) -> bool:
    """Whether a server answers, through the proxy."""
    return visitor.server("GET", project, "api/status").ok


def text_of(visitor: Visitor, path: str) -> str:
    """A page as its reader has it, in both languages."""
    return html.unescape(visitor.get(path).content.decode())


def told_while_starting(visitor: Visitor, project: str, words: str) -> None:
    """Follow a start until its page says something."""
    address = f"hub/api/users/{visitor.user}/servers/{project}/progress"
    until, said = time.monotonic() + 60, []
    with visitor.get(address, headers={"Accept": "text/event-stream"}, stream=True) as events:
        for line in events.iter_lines():  # an empty one every few seconds
            if line.startswith(b"data:"):
                said.append(json.loads(line[6:]).get("html_message", ""))
            if said and words in said[-1]:
                return
            assert time.monotonic() < until, said
    raise AssertionError(said)


def slurm_answers(cluster: Cluster) -> bool:
    """Whether slurmctld does."""
    try:
        return bool(cluster.slurm.run("sinfo"))
    except subprocess.CalledProcessError:
        return False


def nodes_of(cluster: Cluster, project: str) -> list[str]:
    """Where its job runs."""
    return cluster.slurm.run("squeue", "-h", f"-j{cluster.job(project)}", "-o%N").split()


def left_of(cluster: Cluster, project: str) -> list[str]:
    """Letters and jobs of a project, of which none should be left."""
    letters = folders.letters(cluster.platform.site, cluster.account(project)).glob("*.json")
    return [*(letter.name for letter in letters), *cluster.job(project).split()]


def test_with_all_nodes_drained_starts_wait_and_outlive_slurmctld(
    cluster: Cluster, one: Visitor, two: Visitor
):
    (first,) = nodes_of(cluster, PROJECTS[0])
    (other,) = set(cluster.slurm.nodes) - {first}
    for node in (first, other):
        cluster.slurm.drain(node)
    try:
        assert two.start(PROJECTS[1], wait=False).ok
        told_while_starting(two, PROJECTS[1], "de maskiner, der kunne køre jobbet, er ude af drift.")
        told_while_starting(two, PROJECTS[1], "the nodes that could run the job are out of service.")
        assert works(one, PROJECTS[0])
        cluster.slurm.resume(other)
        eventually(lambda: nodes_of(cluster, PROJECTS[1]) == [other])
    finally:
        cluster.slurm.resume(first)
    cluster.slurm.restart("slurmctld")
    assert two.state(PROJECTS[1]) == "starting"
    eventually(lambda: two.state(PROJECTS[1]) == "running", 90)


def test_whose_node_goes_down_is_told_and_starts_again(cluster: Cluster, one: Visitor, two: Visitor):
    (lost,) = nodes_of(cluster, PROJECTS[1])
    assert nodes_of(cluster, PROJECTS[0]) != [lost], "the test needs them apart"
    cluster.slurm.crash(lost)
    try:
        eventually(lambda: two.state(PROJECTS[1]) == "stopped")
        page = text_of(two, "hub/home")
        assert "Serveren standsede: maskinen, som jobbet kørte på, gik ned." in page
        assert "The server stopped: the node that it ran on went down." in page
        assert works(one, PROJECTS[0])
    finally:
        cluster.slurm.start(lost)
    assert not left_of(cluster, PROJECTS[1])
    eventually(lambda: cluster.why_stopped(PROJECTS[1]) == "ended by itself (NODE_FAIL)")


def test_with_slurmctld_gone_a_start_is_refused_and_servers_go_on(
    cluster: Cluster, one: Visitor, two: Visitor
):
    cluster.slurm.kill("slurmctld")
    try:
        assert two.start(PROJECTS[1], wait=False).ok
        page = eventually(lambda: refused(two, PROJECTS[1]))
        assert "Serveren kan ikke startes, for klyngen svarer ikke lige nu." in page
        assert "The server can't be started, because the cluster doesn't answer just now." in page
        assert works(one, PROJECTS[0])
    finally:
        cluster.slurm.start("slurmctld")
    eventually(lambda: slurm_answers(cluster))
    assert not left_of(cluster, PROJECTS[1])


def refused(visitor: Visitor, project: str) -> str:
    """The page that says why a start failed; empty while it goes on."""
    answer = visitor.get(f"hub/spawn-pending/{visitor.user}/{project}")
    return html.unescape(answer.content.decode()) if answer.status_code >= 400 else ""


def test_a_killed_proxy_comes_back_to_the_same_servers(cluster: Cluster, one: Visitor):
    job, kernel = cluster.job(PROJECTS[0]), one.kernel(PROJECTS[0])
    kernel.run("kept = 42")
    noted = cluster.platform.site.hub / "jupyterhub-proxy.pid"
    os.kill(int(noted.read_text().split()[0]), signal.SIGKILL)

    def back() -> bool:
        try:
            return works(one, PROJECTS[0])
        except requests.ConnectionError:
            return False

    eventually(back)
    assert kernel.run("print(kept)").strip() == "42"
    assert cluster.job(PROJECTS[0]) == job


def test_both_databases_go_away_for_a_minute_while_a_server_starts(
    cluster: Cluster, postgresql: Postgresql, one: Visitor, two: Visitor
):
    platform = cluster.platform
    kernel = one.kernel(PROJECTS[0])
    looked = cluster.log().count("rights are as they were")
    assert two.start(PROJECTS[1], wait=False).ok
    eventually(lambda: cluster.job(PROJECTS[1]))
    postgresql.stop()
    until = time.monotonic() + AWAY
    try:
        while time.monotonic() < until:
            for visitor in (one, two):
                page = text_of(visitor, "hub/home")
                assert "Hubbens database svarer ikke lige nu. Intet er tabt" in page
                assert "The hub's database doesn't answer just now. Nothing is lost" in page
            assert kernel.run("6 * 7") == "42", "who works goes on"
            time.sleep(2)
        eventually(lambda: cluster.log().count("rights are as they were") >= looked + 2)
    finally:
        postgresql.start()
    assert eventually(lambda: one.state(PROJECTS[0]) == "running")
    assert works(one, PROJECTS[0]), "nobody was logged out"
    eventually(lambda: two.state(PROJECTS[1]) == "running", 90)
    assert works(two, PROJECTS[1])
    assert platform.answers()


def test_with_the_audit_log_s_disk_full_nothing_is_done_and_nothing_is_lost(
    cluster: Cluster, one: Visitor, two: Visitor
):
    platform, kernel = cluster.platform, one.kernel(PROJECTS[0])
    stops = len(platform.records(action="server.stop", actor=two.user))
    with full(platform.site.audit):
        # A disk's last block may still take a few records, the shortest longest.
        eventually(
            lambda: Visitor(platform.url).log_in(two.user, platform.passwords[two.user]).status_code == 503
        )
        said = kernel.run("done = True")
        assert "Ikke udført: revisionsloggen kan ikke skrives lige nu." in said
        assert "Not run: the audit log can't be written just now." in said
        assert works(one, PROJECTS[0])
        assert two.state(PROJECTS[1]) == "running"
        assert two.stop(PROJECTS[1]).ok
        eventually(lambda: not left_of(cluster, PROJECTS[1]))
        two.start(PROJECTS[1], wait=False)
        page = eventually(lambda: refused(two, PROJECTS[1]))
        assert "Serveren kan ikke startes, for revisionsloggen kan ikke skrives lige nu." in page
        assert "The server can't be started, because the audit log can't be written just now." in page
        assert not left_of(cluster, PROJECTS[1])
    eventually(lambda: len(platform.records(action="server.stop", actor=two.user)) == stops + 1)
    assert kernel.run("done").startswith("NameError"), "what wasn't recorded wasn't run"
    assert platform.visitor(two.user).get("hub/home").ok
    verify(cluster)


def test_with_the_shared_disk_full_a_start_is_refused_and_leaves_nothing(
    cluster: Cluster, one: Visitor, two: Visitor
):
    with full(cluster.platform.site.root / "jobs"):
        two.start(PROJECTS[1], wait=False)
        page = eventually(lambda: refused(two, PROJECTS[1]))
        assert "Serveren kan ikke startes, for en disk er fuld. Sig det til driften." in page
        assert "The server can't be started, because a disk is full. Tell the operator." in page
        assert works(one, PROJECTS[0])
        assert not left_of(cluster, PROJECTS[1]), "no half-written letter"


def test_a_permit_that_expires_ends_its_server_and_says_so(cluster: Cluster, one: Visitor):
    assert one.state(PROJECTS[0]) == "running"
    amend(cluster.platform.site, PROJECTS[0], (f"{one.user}:researcher",), expires="2024-01-31")
    eventually(lambda: cluster.why_stopped(PROJECTS[0]) == "permit expired")
    page = text_of(one, "hub/home")
    for words in ("udløb", "31. januar 2024", "expired on", "31 January 2024"):
        assert words in page
    assert one.start(PROJECTS[0], wait=False).status_code == 403
    eventually(lambda: not left_of(cluster, PROJECTS[0]))


def test_a_hub_killed_during_thirty_starts_loses_none_and_doubles_none(cluster: Cluster):
    """Real servers, as many at a time as there are places; the others wait in Slurm's queue."""
    platform = cluster.platform
    for project in PROJECTS:
        cluster.slurm.run("scancel", f"--user={cluster.account(project).name}")
    with ThreadPoolExecutor(30) as together:
        crowd = {one.user: one for one in together.map(platform.visitor, chain(*CROWD.values()))}
        pressed = [together.submit(press, visitor, project) for visitor, project in of(crowd)]
        eventually(lambda: len(jobs(cluster)) >= 10)
        platform.kill("hub")
        since = len(cluster.log())
        platform.start_hub()
        wait(pressed)
        # Whose start was broken off reads that there is no server; who came too late, too. What is on record
        # is sooner asked than thirty pages are drawn.
        eventually(
            lambda: (
                len(jobs(cluster)) == open_starts(cluster).total()
                and len(jobs(cluster)) == sum(going(crowd, together))
            )
        )
        again = compress(of(crowd), (not goes for goes in going(crowd, together)))
        wait([together.submit(press, visitor, project) for visitor, project in again])
        eventually(lambda: len(jobs(cluster)) == 30)
        assert all(going(crowd, together))
        assert open_starts(cluster) == dict.fromkeys(crowd, 1)

        first = eventually(lambda: routed(cluster, since), 120)
        assert all(works(crowd[user], of_member(user)) for user in first)
        for user in first:
            assert crowd[user].stop(of_member(user)).ok
        # Those who waited in Slurm's queue all the while get their places.
        later = eventually(lambda: routed(cluster, since) - first, 120)
        assert all(works(crowd[user], of_member(user)) for user in later)

        def stopped() -> bool:
            going_on = open_starts(cluster)
            wait([together.submit(crowd[user].stop, of_member(user)) for user in going_on])
            return not jobs(cluster)

        eventually(stopped, 120)
    eventually(lambda: not open_starts(cluster))
    verify(cluster)


def of(crowd: Mapping[str, Visitor]) -> list[tuple[Visitor, str]]:
    """Each with the project."""
    return [(visitor, of_member(user)) for user, visitor in crowd.items()]


def of_member(user: str) -> str:
    """The project of one of the thirty."""
    return f"thirty-{user[1]}"


def press(visitor: Visitor, project: str) -> None:
    """Press "start"; nobody may be there to answer."""
    with suppress(requests.ConnectionError):
        visitor.start(project, wait=False)


def jobs(cluster: Cluster) -> list[str]:
    """Those that wait or run."""
    return cluster.slurm.run("squeue", "--noheader", "--states=PD,R", "--format=%A").split()


def going(crowd: Mapping[str, Visitor], together: Executor) -> list[bool]:
    """Whether each one's page says that there is a server, or will be."""
    return list(together.map(lambda one: one[0].state(one[1]) in {"running", "starting"}, of(crowd)))


def routed(cluster: Cluster, since: int) -> set[str]:
    """Those of whose servers the proxy was told, according to the rest of the hub's log."""
    return set(re.findall(r"Adding user (p[abc]\d) to proxy", cluster.log()[since:]))


def open_starts(cluster: Cluster) -> Counter[str]:
    """How many starts of each of the thirty have no end on record."""
    left: Counter[str] = Counter()
    for one in cluster.platform.records():
        user = one["actor"]
        if not re.fullmatch(r"p[abc]\d", user):
            continue
        if one["action"] == "server.start":
            left[user] += 1
        elif one["action"] == "server.stop":
            left[user] = max(0, left[user] - 1)
    return +left


def verify(cluster: Cluster) -> None:
    """Let the operator's command look at the whole audit log."""
    command = [Path(sys.executable).with_name("sundbench"), "audit", "verify"]
    subprocess.run(command, env=cluster.platform.environment, check=True)
