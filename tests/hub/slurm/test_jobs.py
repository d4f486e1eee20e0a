"""A project's server as a job of a real Slurm: from log-in to its end, whatever that is."""

import asyncio
import json
import os
import pwd
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from certipy import Certipy

from sundbench.governance.audit.actions import Action
from sundbench.hub import rights, server_names
from sundbench.hub.slurm import watch
from sundbench.hub.slurm.certificates import AUTHORITY
from sundbench.hub.slurm.runtime import PREFIX
from sundbench.hub.supervisor import control, winding_down
from sundbench.release.cluster import ending
from sundbench.release.cluster.letter import Resources, Ticket
from sundbench.release.cluster.spread import WORKER_NAME
from sundbench.release.cluster.submitting import submit
from sundbench.release.order import place
from sundbench.release.study import find
from sundbench.slurm import account_jobs, folders, gate
from tests import processes
from tests.hub.installation import Kernel, Visitor, close, eventually
from tests.hub.slurm.conftest import Cluster
from tests.release.projects import write_study

PERSON = 34567
"""Somebody's own account."""


@pytest.fixture
def running(cluster: Cluster) -> tuple[str, Visitor]:
    """The first project's server, up: that of the test before, where it still is."""
    project = cluster.projects[0]
    visitor = cluster.member(project)
    if visitor.state(project) != "running":
        cluster.begin(visitor, project)
    return project, visitor


@pytest.fixture
def kernel(running: tuple[str, Visitor]) -> Kernel:
    project, visitor = running
    return visitor.kernel(project)


@pytest.fixture(scope="module", autouse=True)
def short(cluster: Cluster) -> str:
    """A project whose permit ends soon, while the other tests go on; Slurm needn't wait that long."""
    project = cluster.projects[2]
    cluster.begin(cluster.member(project), project, datetime.now(UTC) + timedelta(minutes=10))
    job = cluster.job(project)
    limit = cluster.slurm.run("squeue", "--noheader", f"--jobs={job}", "--format=%l").strip()
    assert limit in {f"{minutes}:00" for minutes in range(1, 10)}, "the operator gives jobs hours"
    cluster.slurm.run("scontrol", "update", f"jobid={job}", "endtime=now+1")
    return project


def read_as(uid: int, path: Path) -> bool:
    """Whether an account can read a file."""
    done = subprocess.run(
        ["/usr/bin/test", "-r", str(path)], user=uid, group=uid, extra_groups=[], check=False
    )
    return done.returncode == 0


def test_a_cell_reads_the_extract_in_a_job_of_the_permit_s_account(cluster: Cluster, kernel: Kernel):
    project = kernel.project
    said = kernel.run("import os, sundbench as sb; print(len(sb.connect()['lmdb']), os.getuid())")
    persons, inside = said.split()
    assert int(persons) > 0
    assert int(inside) == 65533, "in the sandbox it is nobody's account"
    account = cluster.account(project)
    listed = cluster.slurm.run("squeue", "--noheader", "--format=%A|%u|%j|%T|%k")
    assert f"{cluster.job(project)}|{account.name}|sundbench|RUNNING|(null)" in listed
    assert project not in listed
    (record, *_) = eventually(lambda: cluster.platform.records(action="execute", actor=cluster.user(project)))
    assert (record["permit"], record["extract"]) == (project, "0" * 63 + "1")


def test_what_a_kernel_can_t_reach_from_a_node(cluster: Cluster, kernel: Kernel):
    """Neither the cluster, nor the hub, nor what lies beside its own folders on the shared file system."""
    site, slurm = cluster.platform.site, cluster.slurm
    said = kernel.run(
        f"""
import os, socket
def tried(host, port):
    try:
        socket.create_connection((host, port), 2)
        return 'reached'
    except OSError as error:
        return error.strerror
print([tried(*there) for there in [({slurm.host_address!r}, {cluster.hub_port}),
    ({slurm.host_address!r}, {cluster.audit_port}), ({slurm.address("n2")!r}, 6818)]])
print([os.path.exists(path) for path in [{str(site.root)!r}, {str(slurm.folder)!r}, '/run/munge']])
print(sorted(name for name in os.environ if name.startswith(('SLURM', 'JUPYTERHUB', 'MUNGE'))))
"""
    )
    reached, there, known = said.splitlines()
    assert reached == str(["Network is unreachable"] * 3)
    assert there == str([False] * 3)
    assert known == "[]"


def test_no_process_of_the_job_shows_a_secret(cluster: Cluster, running: tuple[str, Visitor]):
    project, _ = running
    account = cluster.account(project)
    shown = b""
    for entry in processes.of(account.uid):
        for name in ("environ", "cmdline"):
            try:
                shown += (entry / name).read_bytes()
            except OSError:
                continue
    assert b"SLURM_JOB_ID" in shown, "the job's own environment was among them"
    for secret in (b"JUPYTERHUB_API_TOKEN", b"PRIVATE KEY", b"secret", b"SUNDBENCH_DATABASE"):
        assert secret not in shown
    assert not list(folders.letters(cluster.platform.site, account).glob("*.json")), "read once, and gone"
    log = next(folders.letters(cluster.platform.site, account).glob("*.log"))
    for stranger in (cluster.account(cluster.projects[1]).uid, PERSON):
        assert not read_as(stranger, log)
        assert not read_as(stranger, cluster.platform.site.extracts / project)


def test_a_node_s_port_opens_to_the_proxy_s_certificate_alone(cluster: Cluster, running: tuple[str, Visitor]):
    project, _ = running
    host, port = cluster.target(project)
    certificates = cluster.platform.site.hub / "certificates"

    def answers(*pair: str, name: str = host) -> bool:
        context = ssl.create_default_context(cafile=certificates / "notebooks-ca" / "notebooks-ca.crt")
        if pair:
            context.load_cert_chain(*(certificates / pair[0] / f"{pair[0]}.{end}" for end in ("crt", "key")))
        try:
            with (
                socket.create_connection((server_names.address_in(host), port), 5) as plain,
                context.wrap_socket(plain, server_hostname=name) as talk,
            ):
                talk.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                return bool(talk.recv(1))
        except OSError:
            return False

    assert answers("proxy-client")
    assert not answers()
    assert not answers("proxy-api"), "another part of the platform, which has nothing to do here"
    Certipy(store_dir=str(certificates)).create_signed_pair("another-server", AUTHORITY, overwrite=True)
    assert not answers("another-server")
    address = server_names.address_in(host)
    for other in (server_names.at(server_names.new(), address), address):
        assert not answers("proxy-client", name=other), "it could take another server's place"


def test_a_token_of_a_server_changes_nothing_of_its_spawner(cluster: Cluster, running: tuple[str, Visitor]):
    """Whoever breaks out of a sandbox into its job holds the token."""
    project, _ = running
    token = cluster.tokens[project]
    for path in ("batchspawner", "sundbench/port"):
        for body in ({"port": 4711}, {"port": 40000, "cmd": ["id"]}, {"req_username": "root"}, ["port"]):
            answer = cluster.ask_hub(path, token, body)
            assert answer.status_code in {400, 403, 404}, (path, body)
    assert cluster.ask_hub("sundbench/port", "no-token", {"port": 40000}).status_code == 403


def test_the_hub_adopts_it_and_slurm_may_fall_silent(cluster: Cluster, running: tuple[str, Visitor]):
    project, visitor = running
    job = cluster.job(project)
    cluster.slurm.kill("slurmctld")
    cluster.platform.kill("hub")
    cluster.platform.start_hub()
    try:
        assert visitor.state(project) == "running"
        assert visitor.server("GET", project, "api/status").ok
    finally:
        cluster.slurm.start("slurmctld")
    eventually(lambda: cluster.job(project) == job)
    node = cluster.slurm.run("squeue", "-h", f"-j{job}", "-o%N").strip()
    cluster.slurm.kill(node)
    assert visitor.server("GET", project, "api/status").ok
    cluster.slurm.start(node)
    eventually(lambda: cluster.platform.records(action="server.adopt", actor=cluster.user(project)))
    assert visitor.state(project) == "running"
    assert cluster.job(project) == job


def test_what_a_killed_job_leaves_the_next_removes_and_how_it_ended_is_told_by_every_hub(
    cluster: Cluster, running: tuple[str, Visitor]
):
    project, visitor = running
    account, on_the_node = cluster.account(project), cluster.platform.site.runtime.parent

    def left() -> list[Path]:
        return [path for path in on_the_node.glob(f"{PREFIX}*") if path.stat().st_uid == account.uid]

    (killed,) = left()
    for process in processes.of(account.uid):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)
    eventually(lambda: not processes.of(account.uid) and not cluster.job(project))
    for _ in range(2):  # the second knows it from the database alone
        cluster.platform.kill("hub")
        cluster.platform.start_hub()
        eventually(lambda: visitor.state(project) == "stopped")
        assert "The server stopped: the job ended with an error." in visitor.get("hub/home").text
    assert left() == [killed]
    cluster.begin(visitor, project)
    (now,) = left()
    assert now != killed


def test_one_that_reaches_its_time_limit_is_told(cluster: Cluster, short: str):
    visitor = cluster.member(short)
    eventually(lambda: visitor.state(short) == "stopped", 120)
    assert "The server stopped: the job reached its time limit." in visitor.get("hub/home").text
    eventually(lambda: not processes.of(cluster.account(short).uid))


def test_one_that_is_cancelled_on_the_cluster_is_told(cluster: Cluster, running: tuple[str, Visitor]):
    project, visitor = running
    cluster.slurm.run("scancel", cluster.job(project))
    eventually(lambda: visitor.state(project) == "stopped")
    page = visitor.get("hub/home").content.decode()
    assert "The server stopped: the job was cancelled on the cluster." in page
    assert "Serveren standsede: jobbet blev annulleret på klyngen." in page
    answer = visitor.get(f"user/{visitor.user}/{project}/lab")
    assert answer.status_code == 424
    assert "the job was cancelled on the cluster" in answer.text
    eventually(lambda: cluster.why_stopped(project) == "ended by itself (CANCELLED)")


def test_one_that_waited_past_its_permit_s_end_starts_nothing_without_a_hub(cluster: Cluster):
    project = cluster.projects[1]
    visitor = cluster.member(project)
    with cluster.waiting(visitor, project, datetime.now(UTC)):
        job = cluster.job(project)
        cluster.platform.kill("hub")
    eventually(lambda: not cluster.job(project))
    how = cluster.slurm.run("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T").strip()
    assert how == "FAILED"
    (last,) = cluster.job_log(project).splitlines()[1:]
    assert "its time was over before the job began" in last
    cluster.platform.start_hub()
    eventually(lambda: visitor.state(project) == "stopped")


def test_one_waits_in_slurm_s_queue_and_is_given_up(cluster: Cluster):
    project = cluster.projects[1]
    visitor = cluster.member(project)
    with cluster.closed():
        assert visitor.start(project, wait=False).ok
        eventually(lambda: cluster.job(project))
        events = visitor.get(
            f"hub/api/users/{visitor.user}/servers/{project}/progress",
            headers={"Accept": "text/event-stream"},
            stream=True,
        )
        lines = (json.loads(line[6:]) for line in events.iter_lines() if line.startswith(b"data:"))
        said = next(one["html_message"] for one in lines if "queue:" in one.get("message", ""))
        assert "Serveren venter i klyngens kø: de maskiner, der kunne køre jobbet, er ude af drift." in said
        events.close()
        visitor.stop(project)
        eventually(lambda: not cluster.job(project))
        account = cluster.account(project)
        assert not list(folders.letters(cluster.platform.site, account).glob("*.json"))


def test_a_job_that_no_hub_knows_is_ended(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    """Its hub was killed after it had begun the job, and before it had written that down."""
    project = cluster.projects[1]
    monkeypatch.setenv("SLURM_CONF", cluster.slurm.environment["SLURM_CONF"])
    with cluster.closed():
        asked = gate.Begin(permit=project, letter="{}", cores=1, memory=2**28, minutes=5, partition="batch")
        begun = gate.begin(cluster.platform.site, asked)
        assert cluster.job(project) == str(begun.job)
        cluster.platform.kill("hub")
        cluster.platform.start_hub()
        eventually(lambda: not cluster.job(project))
        account = cluster.account(project)
        eventually(lambda: not list(folders.letters(cluster.platform.site, account).glob("*.json")))
    (stop,) = eventually(lambda: cluster.platform.records(action="server.stop", object=f"job {begun.job}"))
    assert stop["permit"] == project


@pytest.fixture
def order(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Ticket]:
    """Orders a run of a project's."""
    monkeypatch.setenv("SLURM_CONF", cluster.slurm.environment["SLURM_CONF"])
    written = write_study(tmp_path, "import time\ntime.sleep(300)")
    about = written.folder / "study.toml"
    about.write_text(about.read_text().replace('bef = ["koen"]', 'lmdb = ["atc"]'))

    def ordered(project: str) -> Ticket:
        site, study = cluster.platform.site, find(tmp_path, "tiny")
        placed, extract = place(site, study, permit=project, user=cluster.user(project), freeze="tested")
        return submit(site, study, placed, extract, Resources(cores=1, memory="1 GiB", minutes=30))

    return ordered


def begun_by(account: str, cluster: Cluster, name: str) -> int:
    """A job that an account begins by itself."""
    own = pwd.getpwnam(account)
    done = subprocess.run(
        ["sbatch", "--parsable", f"--job-name={name}", "-o/dev/null", "--chdir=/", "--wrap=exec sleep 600"],
        user=own.pw_uid, group=own.pw_gid, extra_groups=[], env=os.environ | cluster.slurm.environment,
        cwd="/", stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return int(done.stdout)


def test_a_job_that_nobody_here_has_begun_is_ended_and_no_other(
    cluster: Cluster, order: Callable[[str], Ticket], monkeypatch: pytest.MonkeyPatch
):
    """Under an account that broke out of its sandbox, while its permit holds."""
    site, project = cluster.platform.site, cluster.projects[1]
    account, noted = cluster.account(project).name, []

    def note(_actor: str, _action: Action, what: str, *, permit: str, why: str) -> None:
        noted.append((what, permit, why))

    hub = SimpleNamespace(site=site, journal=SimpleNamespace(note=note))

    def left() -> set[int]:
        return set(map(int, cluster.job(project).split()))

    with cluster.closed():
        run = order(project)
        # Under another name: the hub that is up looks for servers that it doesn't know.
        server, worker = (begun_by(account, cluster, name) for name in ("server", WORKER_NAME))
        servers = {server, *account_jobs.going(site, gate.NAME)}
        spawners = [SimpleNamespace(job_id=str(job)) for job in servers]
        strangers = {begun_by(account, cluster, name) for name in ("sundbench-run", "a", "|\n")}
        own = begun_by("nobody", cluster, "sundbench-run")
        watching = watch.JobsWatch()

        def look() -> None:
            asyncio.run(watching.look(hub, rights.standing(site), lambda: spawners))

        look()
        assert left() == {run.job, server, worker, *strangers}, "their numbers may be on their way"
        before = replace(rights.standing(site), permits=())
        asyncio.run(watching.look(hub, before, lambda: spawners))
        assert left() == {run.job, server, worker, *strangers}, "the permit was registered since"
        monkeypatch.setattr(watch, "GRACE", 0)
        look()
        assert left() == {run.job, server, worker}
        why = "begun neither by the hub nor by a run"
        assert noted == [(f"job {job}", project, why) for job in sorted(strangers)]
        ending.end(site, run)
        look()
        assert left() == {server}, "the worker's run is over"
        state = cluster.slurm.run("squeue", "--noheader", f"--jobs={own}", "--format=%T").strip()
        assert state == "PENDING", "who submits by themselves isn't touched"
        cluster.slurm.run("scancel", str(own), str(server))


def test_all_jobs_of_a_project_end_with_its_permit(cluster: Cluster, order: Callable[[str], Ticket]):
    site, project = cluster.platform.site, cluster.projects[1]
    visitor = cluster.member(project)
    cluster.begin(visitor, project)
    run = order(project).order.run
    stranger = begun_by(cluster.account(project).name, cluster, "else")
    assert len(cluster.job(project).split()) == 3
    close(site, project)
    eventually(lambda: not cluster.job(project), 60)
    eventually(lambda: cluster.why_stopped(project) == "permit closed")
    for action, what in (("run.end", run), ("job.end", f"job {stranger}")):
        (record,) = eventually(lambda of=(action, what): cluster.platform.records(action=of[0], object=of[1]))
        assert (record["actor"], record["permit"]) == ("hub", project)
        assert record["detail"]["why"] == "permit closed"
    assert visitor.start(project, wait=False).status_code == 403
    eventually(lambda: not processes.of(cluster.account(project).uid))


def test_stopping_the_platform_ends_what_waits_in_slurm_s_queue(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    """The last test: the hub, asked over TLS to shut down, takes the request, and ends."""
    site, project = cluster.platform.site, cluster.projects[0]
    monkeypatch.setenv("SLURM_CONF", cluster.slurm.environment["SLURM_CONF"])
    said: list[str] = []
    with cluster.closed():
        gate.begin(site, gate.Begin(permit=project, letter="{}", cores=1, memory=2**28, minutes=5))
        assert control.status(site).servers == 1
        assert winding_down._shut_down(site, said.append)
        assert cluster.platform.hub is not None
        cluster.platform.hub.wait(60)
        winding_down.wind_down(site, said.append)
        assert not cluster.job(project)
    assert said == []
