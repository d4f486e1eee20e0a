"""What a hub that isn't root does through sudo and the gate, and what whoever takes it over can't."""

import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sundbench.slurm import accounts, folders, gate
from sundbench.slurm.account_jobs import EndJobs
from tests.hub.installation import eventually
from tests.hub.slurm.conftest import Cluster
from tests.hub.slurm.rootless.conftest import SUDO, Unprivileged, rule
from tests.release.projects import ONE_TABLE, write_study


@pytest.fixture
def begin(hub: Cluster) -> str:
    """A request that is in order, of a job whose letter is none."""
    (project,) = hub.projects
    return gate.Begin(permit=project, letter="{}", cores=1, memory=2**28, minutes=5).model_dump_json()


@pytest.fixture
def nothing_begun(hub: Cluster) -> Iterator[None]:
    """See that a test begins nothing and leaves nothing."""
    known = ("squeue", "--noheader", "--states=all", "--format=%A")
    before = hub.slurm.run(*known).split()
    yield
    assert set(hub.slurm.run(*known).split()) <= set(before)  # Slurm forgets those that have ended
    assert not letters(hub)


def letters(hub: Cluster) -> list[Path]:
    return list(folders.letters(hub.platform.site, hub.account(hub.projects[0])).glob("*.json"))


def platform_of(hub: Cluster) -> Unprivileged:
    assert isinstance(hub.platform, Unprivileged)
    return hub.platform


def test_from_log_in_to_the_end_of_a_server(hub: Cluster):
    platform, (project,) = platform_of(hub), hub.projects
    assert platform.hub is not None
    assert Path(f"/proc/{platform.hub.pid}").stat().st_uid == pwd.getpwnam(platform.account).pw_uid
    visitor = hub.member(project)
    hub.begin(visitor, project)
    said = visitor.kernel(project).run("import sundbench as sb; print(len(sb.connect()['lmdb']))")
    assert int(said) > 0
    shown = hub.slurm.run("scontrol", "show", "job", hub.job(project))
    assert f"UserId={accounts.name_of(project)}(" in shown
    visitor.stop(project)
    eventually(lambda: not hub.job(project) and visitor.state(project) == "stopped")
    assert "Traceback" not in hub.log()


def test_what_is_root_s_to_do_is_refused_in_one_line(hub: Cluster):
    command = str(Path(sys.executable).with_name("sundbench"))
    done = platform_of(hub).tries(command, "workspace", "close")
    said = "workspaces are their projects' accounts' here: run sundbench workspace as root"
    assert (done.returncode, done.stdout) == (1, "")
    assert " ".join(done.stderr.split()).endswith(said)


FINDINGS = """
from sundbench.hub.checks.cluster import cluster
from sundbench.hub.settings import read
from sundbench.site import Site
site = Site.from_environment()
for found in cluster(site, read(site)):
    print(found.level, found.what, found.do, sep="|")
"""


def test_the_check_says_which_rule_sudo_lacks(hub: Cluster, tmp_path: Path):
    platform = platform_of(hub)
    whole = platform.tries(sys.executable, "-c", FINDINGS)
    assert [line.split("|")[0] for line in whole.stdout.splitlines()] == ["note"], whole
    tmp_path.chmod(0o755)
    *view, _, slurm = platform.view
    lacking = replace(platform, view=(*view, str(tmp_path), slurm)).tries(sys.executable, "-c", FINDINGS)
    (error,) = [line for line in lacking.stdout.splitlines() if line.startswith("error|")]
    assert error.endswith(rule(platform.account, platform.site.root).strip())


@pytest.mark.usefixtures("nothing_begun")
def test_sudo_lets_it_call_nothing_but_the_gate(hub: Cluster, begin: str):
    platform, account = platform_of(hub), accounts.name_of(hub.projects[0])
    sudo, gate_itself = [*SUDO, "--"], platform.gate[3:]
    assert platform.tries(*SUDO, "-l").returncode == 0, "sudo works"
    for command in (
        [*sudo, "id"],
        [*sudo, sys.executable, "-c", "print(1)"],
        [*sudo, *gate_itself[:-1], "/tmp"],
        [*sudo, *gate_itself, "--home", "/tmp"],
        [*sudo, gate_itself[0], *gate_itself[2:]],  # without -I
        [*SUDO, "PYTHONPATH=/tmp", *gate_itself],
        [*SUDO, "-E", *gate_itself],
        [*SUDO, "-u", account, "id"],
        [*SUDO, "-D", "/tmp", *gate_itself],
        [*SUDO, "-C", "99", *gate_itself],
        [*SUDO, "-s"],
    ):
        done = platform.tries(*command, given=begin)
        assert done.returncode != 0, command
        assert done.stdout == "", command


def test_nothing_of_its_environment_or_descriptors_reaches_root(hub: Cluster, begin: str):
    """The job is begun as if they weren't there, and nothing of the account's own is run."""
    platform = platform_of(hub)
    mine = Path(tempfile.mkdtemp(prefix="sbt-"))
    try:
        mine.chmod(0o777)
        (mine / "slurm.conf").write_text("ClusterName=mine\nSlurmctldHost=mine(127.0.0.1)\n")
        for name in ("sbatch", "scancel", "sh", "sitecustomize.py", "start.py"):
            (mine / name).write_text(f"#!/bin/sh\ntouch {mine}/ran\n")
            (mine / name).chmod(0o755)
        (mine / "held").touch()
        (mine / "held").chmod(0o666)
        surroundings = {
            "PATH": f"{mine}:/usr/bin:/bin", "PYTHONPATH": mine, "PYTHONHOME": mine, "PYTHONINSPECT": 1,
            "PYTHONSTARTUP": mine / "start.py", "LD_PRELOAD": mine / "x.so", "LD_LIBRARY_PATH": mine,
            "BASH_ENV": mine / "sh", "ENV": mine / "sh", "SLURM_CONF": mine / "slurm.conf",
            "SBATCH_PARTITION": "nowhere", "SBATCH_EXPORT": "ALL", "SUNDBENCH_HOME": mine,
            "SUNDBENCH_KERNELS": mine, "TMPDIR": mine,
        }  # fmt: skip
        call = 'umask 0; ulimit -c unlimited; exec 9<>"$1"; shift; exec /usr/bin/env -i "$@"'
        with hub.closed():
            given = [f"{name}={value}" for name, value in surroundings.items()]
            done = platform.tries(
                *("/bin/sh", "-c", call, "sh", str(mine / "held")), *given, *platform.gate, given=begin
            )
            assert done.returncode == 0, done.stderr
            begun = gate.Begun.model_validate_json(done.stdout)
            assert not (mine / "ran").exists()
            assert (mine / "held").read_bytes() == b""
            shown = hub.slurm.run("scontrol", "show", "job", str(begun.job))
            assert "Partition=batch" in shown
            (letter,) = letters(hub)
            assert letter.stat().st_mode & 0o777 == 0o600
            ended = gate.End(permit=hub.projects[0], job=begun.job, letter=begun.letter)
            assert platform.tries(*platform.gate, given=ended.model_dump_json()).returncode == 0
            assert not letters(hub)
    finally:
        shutil.rmtree(mine)


@pytest.mark.usefixtures("nothing_begun")
@pytest.mark.parametrize(
    "given",
    ["", "null", "[" * 100_000, "\udcff", '{"do": "begin"}', '{"do": "end", "permit": "x", "job": -1}'],
)
def test_what_is_no_request_is_refused_in_one_line(hub: Cluster, given: str):
    done = platform_of(hub).tries(*platform_of(hub).gate, given=given)
    assert done.returncode == 1
    assert (len(done.stderr.splitlines()), done.stdout) == (1, "")


@pytest.mark.usefixtures("nothing_begun")
def test_a_request_that_never_ends_keeps_no_root_s_process(hub: Cluster, begin: str):
    platform = platform_of(hub)
    held = subprocess.Popen(
        [*platform.view, *platform.gate],
        env=platform.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert held.stdin is not None
    assert held.stderr is not None
    held.stdin.write(begin[:-1])
    held.stdin.flush()
    assert held.wait(60) == 1
    assert "request" in held.stderr.read()
    held.stdin.close()
    held.stderr.close()


@pytest.mark.usefixtures("nothing_begun")
@pytest.mark.parametrize("instead", ["own", "link", "pipe", "folder", "second name"])
def test_who_has_which_account_is_what_root_has_written(hub: Cluster, begin: str, instead: str):
    """The folder is the hub's account's, which can put anything in the file's place."""
    platform = platform_of(hub)
    file, aside = platform.site.root / "accounts.json", platform.site.root / "aside"
    platform.tries("mv", str(file), str(aside))
    command = {
        "own": ["cp", str(aside), str(file)],
        "link": ["ln", "-s", str(aside), str(file)],
        "pipe": ["mkfifo", str(file)],
        "folder": ["mkdir", str(file)],
        "second name": ["ln", str(aside), str(file)],
    }[instead]
    try:
        platform.tries(*command)
        done = platform.tries(*platform.gate, given=begin)
    finally:
        platform.tries("rm", "-rf", str(file))
        platform.tries("mv", str(aside), str(file))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("nothing_begun")
def test_a_link_in_its_own_folder_leads_root_nowhere(hub: Cluster, begin: str, tmp_path: Path):
    platform, account = platform_of(hub), accounts.name_of(hub.projects[0])
    jobs, aside = platform.site.root / "jobs", platform.site.root / "aside"
    tmp_path.chmod(0o700)  # root's
    platform.tries("mv", str(jobs), str(aside))
    try:
        platform.tries("mkdir", str(jobs))
        platform.tries("ln", "-s", str(tmp_path), str(jobs / account))
        done = platform.tries(*platform.gate, given=begin)
    finally:
        platform.tries("rm", "-rf", str(jobs))
        platform.tries("mv", str(aside), str(jobs))
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


def test_it_ends_no_job_of_another_s(hub: Cluster):
    platform, slurm = platform_of(hub), hub.slurm
    options = ("--parsable", "--job-name=sundbench", "--output=/dev/null", "--wrap=sleep 600")
    job = slurm.run("sbatch", *options).strip()
    try:
        (project,) = hub.projects
        for asked in (
            gate.End(permit=project, job=int(job)),
            EndJobs(permit=project, jobs=(int(job),)),
            EndJobs(permit=project, jobs=None),
        ):
            done = platform.tries(*platform.gate, given=asked.model_dump_json())
            assert done.returncode == 0, done.stderr
        assert platform.tries("scancel", job).returncode != 0
        state = slurm.run("squeue", "--noheader", f"--jobs={job}", "--format=%T").strip()
        assert state in {"PENDING", "RUNNING"}
    finally:
        slurm.run("scancel", job)


@pytest.fixture
def analyses(hub: Cluster) -> Iterator[Path]:
    """A study that the project's permit allows, where the hub's account can read it."""
    folder = Path(tempfile.mkdtemp(prefix="sb-analyses-"))
    folder.chmod(0o755)
    about = write_study(folder, ONE_TABLE).folder / "study.toml"
    about.write_text(about.read_text().replace('bef = ["koen"]', 'lmdb = ["atc"]'))
    yield folder
    shutil.rmtree(folder)


def test_a_run_is_ordered_and_taken_home(hub: Cluster, analyses: Path):
    platform, (project,) = platform_of(hub), hub.projects
    done = platform.tries(
        *("env", f"SUNDBENCH_ANALYSES={analyses}", f"SUNDBENCH_USER=of-{project}"),
        *(str(Path(sys.executable).with_name("sundbench")), "--home", str(platform.site.root), "run", "tiny"),
        *("--permit", project, "--on", "slurm", "--cores", "1", "--memory", "1 GiB"),
    )
    assert ": 1 outputs in " in done.stdout, done.stderr
    (kept,) = platform.site.runs.glob("tiny-*")
    assert kept.stat().st_uid == pwd.getpwnam(platform.account).pw_uid
    assert not list((folders.letters(platform.site, hub.account(project)) / "runs").iterdir())
