"""Runs as jobs of a real Slurm: the local run's outputs, under the permit's account; how they end badly."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import ClusterError, ReleaseError
from sundbench.governance import permits
from sundbench.release import manifest as manifests
from sundbench.release import order, run
from sundbench.release.cluster import awaiting, submitting
from sundbench.release.cluster.letter import OUT, RESULT, Resources, Result, Ticket, under_way
from sundbench.release.cluster.submitting import submit, wanted
from sundbench.release.study import StudyFolder
from sundbench.slurm import jobs
from tests.release.cluster.projects import ONE_TABLE, Project

SMALL = Resources(cores=1, memory="1 GiB", hours=1)
LONG = "import time\nprint('begun')\ntime.sleep(300)"
pytestmark = pytest.mark.usefixtures("at_slurm")


def ordered(project: Project, study: StudyFolder, resources: Resources = SMALL) -> Ticket:
    placed, extract = order.place(project.site, study, permit=project.permit, user="anna")
    return submit(project.site, study, placed, extract, resources)


def outcome(project: Project, ticket: Ticket) -> str:
    """The one line that a failed run gives."""
    with pytest.raises(ReleaseError) as told:
        awaiting.wait(project.site, ticket.order.run)
    assert "\n" not in str(told.value)
    return str(told.value)


def nothing_is_left(project: Project, ticket: Ticket) -> bool:
    name = ticket.order.run
    return (
        not (under_way(project.site) / name).exists()
        and not (project.site.runs / name).exists()
        and not list(project.site.runs.glob(".*"))
        and not (project.site.runs / "failed" / name / "outbox").exists()
    )


def until_it_runs(ticket: Ticket) -> None:
    until = time.monotonic() + 60
    while jobs.look(ticket.job).name != "RUNNING":
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_run_on_the_cluster_is_the_local_run(
    project: Project, make_project: Callable[..., Project], study: Callable[..., StudyFolder]
):
    tiny = study("import os\nassert os.environ['SUNDBENCH_CORES'] == '1.0'", ONE_TABLE)
    told: list[str] = []
    cells: list[tuple[str, int, int]] = []
    ticket = ordered(project, tiny)
    made = awaiting.wait(
        project.site, ticket.order.run, tell=told.append, report=lambda *far: cells.append(far)
    )
    tiny = study(ONE_TABLE)
    own = make_project(handed_over=False)  # what a project's account alone may read, root's sandboxes can't
    here = run.start(own.site, tiny, permit=own.permit, user="anna")
    assert made.outputs == here.outputs
    assert made.surroundings == here.surroundings
    assert (made.user, made.permit, made.parameters) == ("anna", project.permit, {"women": 12})
    assert manifests.read(project.site, run.folder_of(project.site, made.run)) == made
    assert any(line.partition(": ")[2].startswith("runs on n") for line in told)
    assert cells
    assert not (under_way(project.site) / made.run).exists()


def test_the_job_runs_as_the_permits_account_and_is_told_no_secret(project, study, at_slurm, monkeypatch):
    monkeypatch.setenv("SUNDBENCH_VAULT_KEY_FILE", "/nowhere/key-of-the-vault")
    ticket = ordered(project, study(LONG))
    until_it_runs(ticket)
    shown = at_slurm.run("squeue", "--noheader", "--format=%u|%j|%o", f"--jobs={ticket.job}")
    assert shown.startswith(f"{project.account.name}|sundbench-run|")
    script = at_slurm.run("scontrol", "write", "batch_script", str(ticket.job), "-")
    assert project.permit not in script.replace(str(project.site.root), "")
    seen = environments_of(project.account.uid)
    assert seen
    assert not any(b"key-of-the-vault" in one for one in seen)
    awaiting.cancel(project.site, ticket.order.run)
    outcome(project, ticket)


def environments_of(uid: int) -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                found.append((process / "environ").read_bytes())
        except OSError:
            continue
    return found


def test_a_cancelled_job_is_told_in_a_line_and_leaves_nothing(project, study):
    ticket = ordered(project, study(ONE_TABLE, LONG))
    until_it_runs(ticket)
    awaiting.cancel(project.site, ticket.order.run)
    assert outcome(project, ticket) == f"run {ticket.order.run} failed: the job was cancelled on the cluster"
    assert nothing_is_left(project, ticket)


def test_a_node_that_goes_down_is_told_in_a_line(project, study, monkeypatch):
    from sundbench.slurm.small.cluster import running

    with running(nodes=1) as small:
        monkeypatch.setenv("SLURM_CONF", small.environment["SLURM_CONF"])
        ticket = ordered(project, study(LONG))
        until_it_runs(ticket)
        small.crash("n1")
        assert outcome(project, ticket).endswith("failed: the node that it ran on went down")
    assert nothing_is_left(project, ticket)


def test_out_of_memory_is_told_in_a_line(project, study):
    ticket = ordered(
        project, study("hoard = bytearray(2 * 2**30)\nfor i in range(0, 2**31, 4096): hoard[i] = 1")
    )
    told = outcome(project, ticket)
    assert "MemoryError" in told or "out of memory: it" in told
    assert nothing_is_left(project, ticket)


def test_a_cell_that_fails_is_told_and_its_notebook_kept(project, study):
    ticket = ordered(project, study(ONE_TABLE, "raise ValueError('no such arm')"))
    assert outcome(project, ticket).endswith(
        "failed in cell 4 (raise ValueError('no such arm')): ValueError: no such arm"
    )
    kept = project.site.runs / "failed" / ticket.order.run
    assert sorted(path.name for path in kept.iterdir()) == ["error.txt", "notebook.ipynb"]
    assert nothing_is_left(project, ticket)


def sundbench(project: Project, study: StudyFolder, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [Path(sys.executable).with_name("sundbench"), "--home", project.site.root, "run", *words],
        env=os.environ | {"SUNDBENCH_ANALYSES": str(study.folder.parent), "SUNDBENCH_USER": "anna"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_run_outlives_the_command_that_ordered_it_and_one_that_waits(project, study, monkeypatch):
    tiny = study("import time; time.sleep(8)", ONE_TABLE)
    asked = (
        "--permit",
        project.permit,
        "--on",
        "slurm",
        "--cores",
        "1",
        "--memory",
        "1 GiB",
        "-p",
        "women=15",
    )
    ordering = sundbench(project, tiny, "tiny", *asked)
    said = ordering.stdout.readline()
    name = said.split()[1]
    until_it_runs(awaiting.ticket_of(project.site, name))
    ordering.send_signal(signal.SIGINT)
    rest, _ = ordering.communicate()
    assert f"run {name} goes on; take it home with: sundbench run wait {name}" in rest
    assert ordering.returncode == 1
    waiting = sundbench(project, tiny, "wait", name)
    waiting.stdout.readline()  # it waits
    waiting.kill()
    waiting.wait()
    monkeypatch.setenv("SUNDBENCH_USER", "anna")
    here = ("--home", str(project.site.root), "run")
    assert name in CliRunner().invoke(app, [*here, "list"]).output
    assert f"run {name}: 1 outputs in" in CliRunner().invoke(app, [*here, "wait", name]).output
    assert manifests.read(project.site, project.site.runs / name).parameters == {"women": 15}
    assert "no run called" in str(CliRunner().invoke(app, [*here, "wait", name]).exception)


def finished(project: Project, study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> tuple[Ticket, Path]:
    """A run whose job has left a notebook, an empty outbox and a result, without the minute of a real one."""
    monkeypatch.setattr(jobs, "submit", lambda *_: 0)
    ticket = ordered(project, study)
    out = under_way(project.site) / ticket.order.run / OUT
    (out / "outbox").mkdir()
    (out / "notebook.ipynb").write_text("{}")
    Result(failed=None, surroundings=ticket.surroundings).write(out / RESULT)
    for path in out.rglob("*"):
        os.chown(path, project.account.uid, project.account.gid)
    return ticket, out


def a_link(secret: Path, outbox: Path) -> None:
    (outbox / "table.parquet").symlink_to(secret)


def another_name(secret: Path, outbox: Path) -> None:
    os.link(secret, outbox / "table.parquet")


def anothers_file(secret: Path, outbox: Path) -> None:
    shutil.copy(secret, outbox / "table.parquet")


def a_pipe(secret: Path, outbox: Path) -> None:
    os.mkfifo(outbox / "table.parquet")


def a_link_for_the_outbox(secret: Path, outbox: Path) -> None:
    outbox.rmdir()
    outbox.symlink_to(secret.parent)


@pytest.mark.parametrize("trick", [a_link, another_name, anothers_file, a_pipe, a_link_for_the_outbox])
def test_what_the_account_slips_into_the_folder_is_not_taken_home(project, study, trick, monkeypatch):
    """The job's account could put there what the notebook, in its sandbox, can't."""
    secret = project.site.root / "secrets" / "table.parquet"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("of root alone")
    ticket, out = finished(project, study(ONE_TABLE), monkeypatch)
    trick(secret, out / "outbox")
    assert "its job's folder: " in outcome(project, ticket)
    assert nothing_is_left(project, ticket)
    assert not list(project.site.runs.rglob("table.parquet"))


@pytest.mark.parametrize(
    "trick",
    [
        lambda result: result.symlink_to(result.parents[4] / "accounts.json"),
        lambda result: result.mkdir(),
        os.mkfifo,
        lambda result: result.write_text("no result"),
    ],
    ids=["link", "folder", "pipe", "nonsense"],
)
def test_a_result_that_is_none_is_refused(project, study, trick, monkeypatch):
    """Whoever lists the runs sees the others all the same, and who waits for it has an end."""
    ticket, out = finished(project, study(ONE_TABLE), monkeypatch)
    (out / RESULT).unlink()
    trick(out / RESULT)
    assert awaiting.standing(project.site, ticket.order.run).startswith("can't be read: ")
    assert f"failed: {out / RESULT}: " in outcome(project, ticket)
    assert nothing_is_left(project, ticket)


def test_no_job_outlives_its_permit(make_project, study, monkeypatch):
    today = datetime.now(ZoneInfo("Europe/Copenhagen"))  # whose days a permit's are, wherever the machine is
    project = make_project(expires=f"{today:%Y-%m-%d}")
    asked: list[jobs.Wanted] = []
    monkeypatch.setattr(jobs, "submit", lambda script, wanted, account: asked.append(wanted) or 0)
    ordered(project, study(ONE_TABLE), SMALL.model_copy(update={"hours": 72}))
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert midnight - timedelta(seconds=30) < today + asked[0].time <= midnight
    assert f"--time={int(asked[0].time.total_seconds() // 60)}" in asked[0].options


def test_nor_one_that_has_waited_in_the_queue(project, study, at_slurm, monkeypatch):
    """Slurm counts from when a job begins: this one would have five minutes, and its permit ends in two."""
    monkeypatch.setattr(
        permits, "end_of", lambda expires: datetime.now(UTC) + timedelta(minutes=2, seconds=50)
    )
    monkeypatch.setattr(
        submitting,
        "wanted",
        lambda *given: dataclasses.replace(wanted(*given), time=timedelta(minutes=5)),
    )
    ticket = ordered(project, study(LONG))
    until_it_runs(ticket)
    until = time.monotonic() + 30
    while "TimeLimit=00:02:00" not in at_slurm.run("scontrol", "show", "job", str(ticket.job)):
        assert time.monotonic() < until
        time.sleep(0.2)
    jobs.cancel(ticket.job)
    assert "cancelled" in outcome(project, ticket)


def test_a_permit_without_an_account_runs_nothing(make_project, study):
    project = make_project()
    (project.site.root / "accounts.json").unlink()
    with pytest.raises(ClusterError, match="has no account"):
        ordered(project, study(ONE_TABLE))
    assert awaiting.going(project.site) == []


def test_what_slurm_refuses_leaves_nothing(project, study):
    with pytest.raises(ClusterError, match="invalid partition"):
        ordered(project, study(ONE_TABLE), SMALL.model_copy(update={"partition": "nowhere"}))
    assert awaiting.going(project.site) == []
    assert list(under_way(project.site).iterdir()) == []
