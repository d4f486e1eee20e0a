"""Runs as jobs of a real Slurm: the local run's outputs, under the permit's account; how they end badly."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import ClusterError, PermitError, ReleaseError
from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.release import manifest as manifests
from sundbench.release import order, run
from sundbench.release.cluster import awaiting, left, submitting
from sundbench.release.cluster.letter import RESULT, Resources, Result, Ticket, under_way
from sundbench.release.cluster.submitting import submit
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.slurm import gate, jobs, runs
from sundbench.slurm.runs import LOG
from sundbench.slurm.small.cluster import SmallSlurm
from tests.release.projects import ONE_TABLE, Project, permit_text, write_study

SMALL = Resources(cores=1, memory="1 GiB", minutes=60)
LONG = "import time\nprint('begun')\ntime.sleep(300)"
pytestmark = pytest.mark.usefixtures("at_slurm")


def ordered(project: Project, study: StudyFolder, resources: Resources = SMALL) -> Ticket:
    placed, extract = order.place(project.site, study, permit=project.permit, user="anna")
    return submit(project.site, study, placed, extract, resources)


def outcome(project: Project, ticket: Ticket) -> str:
    """The one line that a failed run gives."""
    with pytest.raises(ReleaseError) as told:
        awaiting.wait(project.site, ticket.order.run, "anna")
    assert "\n" not in str(told.value)
    assert nothing_is_left(project, ticket)
    return str(told.value)


def nothing_is_left(project: Project, ticket: Ticket) -> bool:
    name, site = ticket.order.run, project.site
    return (
        name not in awaiting.going(site)
        and not runs.folder_of(site, project.account, name).exists()
        and not (site.runs / name).exists()
        and not list(site.runs.glob(".*.part"))
        and not (site.runs / "failed" / name / "outbox").exists()
    )


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def runs_now(ticket: Ticket) -> bool:
    return jobs.look(ticket.job).name == "RUNNING"


@contextmanager
def drained(slurm: SmallSlurm) -> Iterator[None]:
    """No job begins meanwhile."""
    for node in slurm.nodes:
        slurm.drain(node)
    try:
        yield
    finally:
        for node in slurm.nodes:
            slurm.resume(node)


def sundbench(project: Project, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [Path(sys.executable).with_name("sundbench"), "--home", project.site.root, "run", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(project: Project, *words: str) -> str:
    """What a command says, within this process."""
    done = CliRunner().invoke(app, ["--home", str(project.site.root), *words], terminal_width=200)
    return f"{done.output} {done.exception or ''}"


@pytest.fixture
def anna(study: Callable[..., StudyFolder], monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """Commands are anna's, and know her study."""
    tiny = study("import os\nassert os.environ['SUNDBENCH_CORES'] == '1.0'", ONE_TABLE)
    monkeypatch.setenv("SUNDBENCH_ANALYSES", str(tiny.folder.parent))
    monkeypatch.setenv("SUNDBENCH_USER", "anna")
    monkeypatch.setenv("COLUMNS", "200")
    return tiny


@pytest.fixture
def settings(project: Project) -> Iterator[None]:
    """What the operator gives runs."""
    project.site.hub.mkdir(exist_ok=True)
    file = project.site.hub / "settings.toml"
    file.write_text(
        '[slurm.run]\npartition = "batch"\ncores = 1\nmemory = "2 GiB"\nminutes = 30\nworkers = 3\n'
    )
    yield
    file.unlink()


def test_a_run_outlives_who_orders_it_and_is_the_local_run(
    project: Project,
    make_project: Callable[..., Project],
    study: Callable[..., StudyFolder],
    at_slurm: SmallSlurm,
    anna: StudyFolder,
    settings: None,
):
    with drained(at_slurm):
        asked = ("tiny", "--permit", project.permit, "--on", "slurm", "-p", "women=15")
        ordering = sundbench(project, *asked, "--hours", "0.25")
        name = ordering.stdout.readline().split()[1]
        waits = ": waits: the nodes that could run the job are out of service\n"
        assert any(line.endswith(waits) for line in ordering.stdout)
        ordering.send_signal(signal.SIGINT)
        assert (
            f"run {name} goes on; take it home with: sundbench run wait {name}" in ordering.communicate()[0]
        )
        assert ordering.returncode == 1
        # The longer the name of a project is, the sooner its lines are folded.
        listed = " ".join(said(project, "run", "list").split())
        assert "waits: the nodes that could run the job are out of service" in listed
        shown = at_slurm.run("scontrol", "show", "job", str(awaiting.ticket_of(project.site, name).job))
        assert all(one in shown for one in ("TimeLimit=00:15:00", "NumCPUs=1 ", "MinMemoryNode=2G"))
    assert f"run {name}: 1 outputs in" in said(project, "run", "wait", name)
    made = manifests.read(project.site, run.folder_of(project.site, name))
    assert (made.user, made.permit, made.parameters["women"]) == ("anna", project.permit, 15)
    own = make_project(handed_over=False)  # what a project's account alone may read, root's sandboxes can't
    here = run.start(own.site, study(ONE_TABLE), permit=own.permit, user="anna", given={"women": 15})
    assert made.outputs == here.outputs
    assert made.surroundings == here.surroundings
    assert "no run called" in said(project, "run", "wait", name)

    again = said(project, "run", "reproduce", name, "--on", "slurm", "--workers", "1")
    assert f"run {name}: all 1 outputs are the same to the last bit" in again
    assert run.runs(project.site) == [name], "nothing is kept of it"
    assert awaiting.going(project.site) == []


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (("--cores", "2"), "at most 1 here (slurm.run.cores"),
        (("--memory", "3 GiB"), "at most 2 GiB here (slurm.run.memory"),
        (("--hours", "0.6"), "at most 30 here (slurm.run.minutes"),
        (("--workers", "4"), "at most 3 here (slurm.run.workers"),
    ],
)
def test_nobody_gets_more_of_the_cluster_than_the_operator_gives(project, anna, settings, words, limit):
    refused = said(project, "run", "tiny", "--permit", project.permit, "--on", "slurm", *words)
    assert limit in " ".join(refused.replace("│", " ").split())


@pytest.fixture(scope="module")
def long_run(project: Project, slurm: SmallSlurm, tmp_path_factory: pytest.TempPathFactory) -> Ticket:
    """A run with a worker, until it is cancelled. Slurm gives it half an hour, its permit ten minutes.

    Slurm counts from when a job begins: so it is for one that has waited long in the queue.
    """
    cells = ("from distributed import get_client\nget_client().wait_for_workers(1, timeout=120)", LONG)
    asked = Resources(cores=1, memory="2 GiB", minutes=60, workers=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
        patched.setenv("SUNDBENCH_VAULT_KEY_FILE", "/nowhere/key-of-the-vault")
        patched.setattr(permits, "end_of", lambda _: datetime.now(UTC) + timedelta(minutes=10))
        patched.setattr(submitting, "_minutes", lambda *_: 30)
        ticket = ordered(project, write_study(tmp_path_factory.mktemp("analyses"), *cells), asked)
        until(lambda: runs_now(ticket))
    return ticket


def test_the_job_runs_as_the_permits_account_and_is_told_no_secret(long_run, project, slurm):
    shown = slurm.run("squeue", "--noheader", "--format=%u|%j|%o", f"--jobs={long_run.job}")
    assert shown.startswith(f"{project.account.name}|sundbench-run|")
    script = slurm.run("scontrol", "write", "batch_script", str(long_run.job), "-")
    assert project.permit not in script.replace(str(project.site.root), "")
    seen = environments_of(project.account.uid)
    assert seen
    assert not any(b"key-of-the-vault" in one for one in seen)


def environments_of(uid: int) -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                found.append((process / "environ").read_bytes())
        except OSError:
            continue
    return found


def test_a_run_that_waited_long_ends_with_its_permit_all_the_same(long_run, slurm):
    asked = ("scontrol", "show", "job", str(long_run.job))
    until(lambda: re.search(r"TimeLimit=00:0[1-9]:00", slurm.run(*asked)))


def test_nobody_else_ends_or_reads_it(long_run, project):
    """Bo is registered, and neither a member of its permit nor an admin."""
    for doing in (awaiting.cancel, awaiting.wait):
        with pytest.raises(PermitError):
            doing(project.site, long_run.order.run, "bo")
    assert runs_now(long_run)


def test_a_cancelled_run_is_told_in_a_line_and_takes_its_workers_with_it(long_run, project, slurm):
    until(lambda: (far := left.standing(project.site, long_run)[1]) and far.done >= 2)  # its worker is there
    with drained(slurm):
        assert awaiting.standing(project.site, long_run).startswith("runs on n")
    awaiting.cancel(project.site, long_run.order.run, "anna")
    assert outcome(project, long_run).endswith("failed: the job was cancelled on the cluster")
    until(lambda: not slurm.run("squeue", "--noheader", f"--user={project.account.name}"))
    until(lambda: not environments_of(project.account.uid))


def by_command(project: Project) -> str:
    """Without a hub, which would end what its account has begun by itself."""
    stranger = subprocess.run(
        ["sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--wrap=sleep 60"],
        user=project.account.uid, group=project.account.gid, extra_groups=[], cwd="/",
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    assert "ended on the cluster: of its runs 1, of other jobs of its account 1" in said(
        project, "permit", "close", project.permit, "--why", "it is over"
    )
    assert jobs.look(int(stranger)).over
    return "was closed (it is over)"


def elsewhere(project: Project) -> str:
    """Where Slurm was silent, say."""
    with database.writing(project.site) as session:
        permits.close(session, project.permit, "it is over", "steward")
    return "was closed (it is over)"


def amended(project: Project, text: str) -> None:
    with database.writing(project.site) as session:
        permits.register(session, parse(text, "permit"), text, "steward")


def by_time(project: Project) -> str:
    amended(project, permit_text(project.permit, "2020-01-31"))
    return "expired on 2020-01-31"


def by_another(project: Project) -> str:
    amended(project, permit_text(project.permit).replace('["koen"]', '["koen", "alder"]'))
    return "was amended, and gives other data than the run was given"


@pytest.mark.parametrize("end", [by_command, elsewhere, by_time, by_another])
def test_a_permit_that_ends_or_is_replaced_ends_its_runs(make_project, anna, at_slurm, end):
    project = make_project()
    with drained(at_slurm):
        ticket = ordered(project, anna)
        amended(project, permit_text(project.permit).replace('en = "Trial"', 'en = "Other words"'))
        assert awaiting.standing(project.site, ticket).startswith("waits: ")
        why = f"permit {project.permit} {end(project)}"
        assert awaiting.standing(project.site, ticket).startswith(f"{why}: ")
        assert outcome(project, ticket).endswith(f"failed: {why}")
    assert jobs.look(ticket.job).over


def test_a_node_that_goes_down_is_told_in_a_line(project, study, at_slurm):
    ticket = ordered(project, study(LONG))
    until(lambda: runs_now(ticket))
    node = jobs.look(ticket.job).node
    at_slurm.crash(node)
    try:
        assert outcome(project, ticket).endswith("failed: the node that it ran on went down")
    finally:
        at_slurm.start(node)
        at_slurm.await_nodes()


@contextmanager
def little_room(project: Project) -> Iterator[None]:
    """The disk on which a project's runs leave what they make is small."""
    folder = runs.folder_of(project.site, project.account, "").parent / "runs"
    folder.mkdir(mode=0o700)
    owner = f"size=4m,mode=700,uid={project.account.uid},gid={project.account.gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", owner, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


WITHOUT_SLURM = """
import sys
from pathlib import Path
from sundbench.release.cluster import job
job.jobs.end_by = job.require_own = lambda *_: None
job.perform = lambda study, out, **_: (out / "notebook.ipynb").write_bytes(bytes(2**23))
job.main(Path(sys.argv[1]))
"""


def test_a_full_disk_is_told_in_a_line(make_project, study, monkeypatch):
    """The job runs here as root, because nodes don't see what is mounted here. Its notebook gets long."""
    project = make_project()
    monkeypatch.setattr(runs, "submit", lambda *_: 999_999)
    with little_room(project):
        ticket = ordered(project, study(ONE_TABLE))
        folder = runs.folder_of(project.site, project.account, ticket.order.run)
        subprocess.run(
            [sys.executable, "-c", WITHOUT_SLURM, folder],
            cwd="/",
            check=True,
        )
        for path in (folder / "out").rglob("*"):
            os.chown(path, project.account.uid, project.account.gid)
        assert outcome(project, ticket).endswith(
            "failed in its job's folder: the disk is full; nothing was kept: make room and try again"
        )


def test_what_goes_wrong_in_a_run_is_told_in_a_line(project, study):
    """Two at once."""
    hoarding = "hoard = bytearray(2 * 2**30)\nfor i in range(0, 2**31, 4096): hoard[i] = 1"
    hoards = ordered(project, study(hoarding))
    fails = ordered(project, study(ONE_TABLE, "raise ValueError('no such arm')"))
    told = outcome(project, hoards)
    assert "MemoryError" in told or "out of memory: it" in told
    assert outcome(project, fails).endswith(
        "failed in cell 4 (raise ValueError('no such arm')): ValueError: no such arm"
    )
    kept = project.site.runs / "failed" / fails.order.run
    assert sorted(path.name for path in kept.iterdir()) == ["error.txt", "notebook.ipynb"]


def finished(project: Project, study: StudyFolder) -> tuple[Ticket, Path]:
    """A run whose job has left notebook, empty outbox and result, without the seconds of a real one."""
    placed, _ = order.place(project.site, study, permit=project.permit, user="anna")
    ticket = Ticket(order=placed, surroundings=Surroundings.here(), job=999_999)
    under_way(project.site).mkdir(exist_ok=True)
    ticket.write(under_way(project.site) / f"{placed.run}.json")
    out = runs.folder_of(project.site, project.account, placed.run) / "out"
    (out / "outbox").mkdir(parents=True)
    (out / "notebook.ipynb").write_text("{}")
    Result(failed=None, surroundings=ticket.surroundings).write(out / RESULT)
    for path in (out.parents[1], out.parent, out, *out.rglob("*")):
        os.chown(path, project.account.uid, project.account.gid)
    return ticket, out


def test_of_a_job_that_slurm_has_forgotten_its_log_is_told(project, anna, monkeypatch):
    """Text, whatever it is: its account could have written it."""
    monkeypatch.setattr(awaiting, "_SETTLE", 0)
    ticket, out = finished(project, anna)
    (out / RESULT).unlink()
    (out / LOG).write_text("slurmstepd: *** JOB 7 ON n1 CANCELLED DUE TO TIME LIMIT ***\x1b[2J\n")
    os.chown(out / LOG, project.account.uid, project.account.gid)
    assert outcome(project, ticket).endswith(
        "the cluster doesn't remember how "
        "(it said: slurmstepd: *** JOB 7 ON n1 CANCELLED DUE TO TIME LIMIT ***\ufffd[2J)"
    )


def a_link(secret: Path, outbox: Path) -> None:
    (outbox / "table.parquet").symlink_to(secret)


def another_name(secret: Path, outbox: Path) -> None:
    os.link(secret, outbox / "table.parquet")


def a_pipe(secret: Path, outbox: Path) -> None:
    os.mkfifo(outbox / "table.parquet")


def a_link_for_the_outbox(secret: Path, outbox: Path) -> None:
    outbox.rmdir()
    outbox.symlink_to(secret.parent)


@pytest.mark.parametrize("trick", [a_link, a_pipe, a_link_for_the_outbox])
def test_what_the_account_slips_into_the_folder_is_not_taken_home(project, anna, trick):
    """The job's account could put there what the notebook, in its sandbox, can't."""
    ticket, out = finished(project, anna)
    trick(secret_of(project), out / "outbox")
    assert "its job's folder: " in outcome(project, ticket)
    assert not list(project.site.runs.rglob("table.parquet"))


def test_nor_what_root_alone_can_read_by_another_name(project, anna):
    ticket, out = finished(project, anna)
    another_name(secret_of(project), out / "outbox")
    awaiting.wait(project.site, ticket.order.run, "anna")
    assert not list(project.site.runs.rglob("table.parquet"))


def secret_of(project: Project) -> Path:
    secret = project.site.root / "secrets" / "table.parquet"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("of root alone")
    secret.chmod(0o600)
    return secret


@pytest.mark.parametrize(
    "trick",
    [
        lambda result: result.symlink_to(result.parents[5] / "accounts.json"),
        lambda result: result.mkdir(),
        os.mkfifo,
        lambda result: result.write_text("no result"),
    ],
    ids=["link", "folder", "pipe", "nonsense"],
)
def test_a_result_that_is_none_is_refused(project, anna, trick):
    """Whoever lists the runs sees the others all the same, and who waits for it has an end."""
    ticket, out = finished(project, anna)
    (out / RESULT).unlink()
    trick(out / RESULT)
    assert awaiting.standing(project.site, ticket).startswith("can't be read: ")
    assert f"failed: its job's folder: {RESULT}" in outcome(project, ticket)


def test_no_job_outlives_its_permit(make_project, study, monkeypatch):
    # Whose days a permit's are, wherever the machine is.
    now = partial(datetime.now, ZoneInfo("Europe/Copenhagen"))
    before = now()
    last = before.date() + timedelta(days=1)  # so that no midnight comes in between
    project = make_project(expires=f"{last:%Y-%m-%d}")
    asked: list[runs.BeginRun] = []
    monkeypatch.setattr(gate, "ask_for_run", lambda site, request: asked.append(request) or "0")
    ordered(project, study(ONE_TABLE), SMALL.model_copy(update={"minutes": 72 * 60}))
    after, given = now(), timedelta(minutes=asked[0].minutes)
    midnight = datetime.combine(last + timedelta(days=1), datetime.min.time(), before.tzinfo)
    assert (before.astimezone(UTC) + given) <= midnight.astimezone(UTC)
    assert (after.astimezone(UTC) + given) > midnight.astimezone(UTC) - timedelta(minutes=1)


def test_a_permit_without_an_account_runs_nothing(make_project, study):
    project = make_project()
    (project.site.root / "accounts.json").unlink()
    with pytest.raises(ClusterError, match="has no account"):
        ordered(project, study(ONE_TABLE))
    assert awaiting.going(project.site) == []


def test_what_slurm_refuses_leaves_nothing(project, anna):
    with pytest.raises(ClusterError, match=r"^sbatch refuses: .*invalid partition"):
        ordered(project, anna, SMALL.model_copy(update={"partition": "nowhere"}))
    assert awaiting.going(project.site) == []
    assert list(runs.folder_of(project.site, project.account, "x").parent.iterdir()) == []


def test_root_orders_nothing_in_a_home_of_anothers(project, anna):
    """A link there would lead root anywhere."""
    site = project.site
    os.chown(site.root, project.account.uid, -1)
    try:
        with pytest.raises(ClusterError, match=f"run it as {project.account.name}"):
            ordered(project, anna)
    finally:
        os.chown(site.root, 0, -1)


def test_a_link_in_the_accounts_folder_leads_root_nowhere(make_project, anna):
    """It may put one there itself; and the gate writes and removes there for it."""
    project = make_project()
    target = secret_of(project).parent
    runs.folder_of(project.site, project.account, "x").parent.symlink_to(target)
    with pytest.raises(ClusterError, match="can't"):
        ordered(project, anna)
    assert [path.name for path in target.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "../../../etc"},
        {"run": "tiny-20261122104500-1f2e/../x"},
        {"run": "--help"},
        {"permit": "another-permit"},
        {"partition": "batch --uid=0"},
        {"charge": "-x\n"},
        {"minutes": 0},
        {"uid": 0},
        {"program": "os"},
    ],
)
def test_the_gate_begins_no_run_that_is_none(project, at_slurm, changes):
    asked = {"do": "begin-run", "permit": project.permit, "run": "tiny-20261122104500-1f2e", "told": ""}
    share = {"cores": 1, "memory": 2**30, "minutes": 5}
    known = ("squeue", "--noheader", "--states=all", "--format=%A")
    before = at_slurm.run(*known).split()
    with pytest.raises(ClusterError):
        gate.answer(project.site, json.dumps(asked | share | changes))
    assert set(at_slurm.run(*known).split()) <= set(before)  # Slurm forgets those that have ended


def test_the_gate_ends_a_run_for_its_own_permit_alone_and_nothing_else(project, make_project, anna, at_slurm):
    other = make_project()
    with drained(at_slurm):
        ticket = ordered(project, anna)
        for request in (
            runs.EndRun(permit=other.permit, job=ticket.job),
            gate.End(permit=project.permit, job=ticket.job, letter="0" * 16),  # a server's end
        ):
            gate.answer(
                project.site if request.permit == project.permit else other.site, request.model_dump_json()
            )
            assert jobs.look(ticket.job).waits
        awaiting.cancel(project.site, ticket.order.run, "anna")
        assert outcome(project, ticket).endswith("cancelled on the cluster")
