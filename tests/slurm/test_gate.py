"""The gate: the hub has jobs begun and ended under permits' accounts, and nothing else. On a real Slurm."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sundbench.errors import ClusterError
from sundbench.site import Site
from sundbench.slurm import account_jobs, accounts, folders, gate
from sundbench.slurm.account_jobs import EndJobs
from sundbench.slurm.accounts import Account
from sundbench.slurm.small.cluster import SmallSlurm
from tests import processes

SECRET = "t0ken-of-the-server"
WAITS = ("/bin/sh", "-c", "exec sleep 600")
"""Stands for the server's program."""


@pytest.fixture(scope="module")
def site(slurm: SmallSlurm) -> Iterator[Site]:
    root = Path(tempfile.mkdtemp(prefix="sb-gate-"))
    root.chmod(0o711)
    site = Site(root, "sqlite://")
    names = [f"gate-{secrets.token_hex(3)}-{letter}" for letter in "ab"]
    made = []
    for name in names:
        made.append(accounts.create(name))
        accounts.note(site, made[-1])
        folders.hand_over(site, made[-1])
    yield site
    for account in made:
        slurm.run("scancel", f"--user={account.name}", "--signal=KILL", "--full")
        subprocess.run(["userdel", "--force", account.name], check=False, capture_output=True)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def mine(site: Site) -> Account:
    return accounts.account(site, sorted(accounts.noted(site))[0])


@pytest.fixture(scope="module")
def other(site: Site) -> Account:
    return accounts.account(site, sorted(accounts.noted(site))[1])


@pytest.fixture(autouse=True)
def reached(slurm: SmallSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])


def asked(permit: str, /, **changes: Any) -> str:
    request = {
        "do": "begin", "permit": permit, "letter": json.dumps({"token": SECRET}), "cores": 1,
        "memory": 2**28, "minutes": 5,
    } | changes  # fmt: skip
    return json.dumps(request)


@pytest.fixture
def begun(
    site: Site, mine: Account, slurm: SmallSlurm, monkeypatch: pytest.MonkeyPatch
) -> Iterator[gate.Begun]:
    """A job of one's own that runs: its program waits, and has not read its letter."""
    monkeypatch.setattr(gate, "PROGRAM", WAITS)
    made = gate.Begun.model_validate_json(gate.answer(site, asked(mine.permit)))
    until(lambda: slurm.run("squeue", "-h", f"-j{made.job}", "-o%T").strip() == "RUNNING")
    yield made
    gate.answer(site, gate.End(permit=mine.permit, job=made.job, letter=made.letter).model_dump_json())


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def by(who: Account, slurm: SmallSlurm, *command: str) -> subprocess.CompletedProcess[str]:
    """A command run by an account, as somebody would who had got hold of it."""
    return subprocess.run(
        command,
        user=who.uid, group=who.gid, extra_groups=[], env=os.environ | slurm.environment, cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_job_runs_as_its_permit_s_account_and_tells_nothing(
    begun: gate.Begun, site: Site, mine: Account, slurm: SmallSlurm, tmp_path: Path
):
    shown = slurm.run("scontrol", "show", "job", str(begun.job))
    assert f"UserId={mine.name}({mine.uid}) GroupId={mine.name}({mine.gid})" in shown
    listed = slurm.run("squeue", "--noheader", f"--jobs={begun.job}", "--format=%all")
    slurm.run("scontrol", "write", "batch_script", str(begun.job), str(tmp_path / "script"))
    script = (tmp_path / "script").read_text()
    for told in (shown, listed, script):
        assert SECRET not in told
        assert mine.permit not in told
    letter = folders.letters(site, mine) / f"{begun.letter}.json"
    assert (letter.stat().st_uid, letter.stat().st_mode & 0o777) == (mine.uid, 0o600)


def test_no_shell_of_the_account_s_is_asked_for_an_environment(begun: gate.Begun, slurm: SmallSlurm):
    """Its profile would run outside any sandbox, and could take over what the job starts."""
    node = slurm.run("squeue", "-h", f"-j{begun.job}", "-o%N").strip()
    log = (slurm.folder / f"{node}.log").read_text(errors="replace")
    assert f"Launching batch job {begun.job} " in log
    assert "user environment" not in log


def test_another_permit_s_account_can_do_nothing_to_it(
    begun: gate.Begun, site: Site, mine: Account, other: Account, slurm: SmallSlurm
):
    job = str(begun.job)
    letter = folders.letters(site, mine) / f"{begun.letter}.json"
    for command in (
        ("scancel", job),
        ("scontrol", "update", f"jobid={job}", "timelimit=1"),
        ("scontrol", "write", "batch_script", job, "-"),
        ("srun", f"--jobid={job}", "--overlap", "id"),
        ("cat", str(letter)),
        ("cat", str(letter.with_suffix(".log"))),
        ("sbatch", f"--uid={mine.uid}", "--wrap=id"),
    ):
        done = by(other, slurm, *command)
        assert done.returncode != 0 or "Invalid user id" in done.stderr, command
        assert done.stdout == "", command
    assert slurm.run("squeue", "-h", f"-j{job}", "-o%T %l").split() == ["RUNNING", "5:00"]


def test_the_gate_ends_a_job_for_its_own_permit_alone(
    begun: gate.Begun, site: Site, mine: Account, other: Account, slurm: SmallSlurm
):
    gate.answer(site, gate.End(permit=other.permit, job=begun.job, letter=begun.letter).model_dump_json())
    assert slurm.run("squeue", "-h", f"-j{begun.job}", "-o%T").strip() == "RUNNING"
    letter = folders.letters(site, mine) / f"{begun.letter}.json"
    assert letter.exists()
    gate.answer(site, gate.End(permit=mine.permit, job=begun.job, letter=begun.letter).model_dump_json())
    until(lambda: slurm.run("squeue", "-h", "--states=all", f"-j{begun.job}", "-o%T").strip() == "CANCELLED")
    assert not letter.exists()


def test_nor_a_job_that_is_no_server_s(site: Site, mine: Account, slurm: SmallSlurm):
    """A run of the same project, say."""
    run = by(
        mine, slurm, "sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--wrap=sleep 60"
    ).stdout.strip()
    gate.answer(site, gate.End(permit=mine.permit, job=int(run)).model_dump_json())
    assert slurm.run("squeue", "-h", f"-j{run}", "-o%T").strip() in {"PENDING", "RUNNING"}
    slurm.run("scancel", run)


def begins(who: Account, slurm: SmallSlurm, *options: str) -> str:
    """A job that an account begins by itself; its number."""
    usual = ("sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--wrap=exec sleep 600")
    return by(who, slurm, *usual, *options).stdout.strip()


def live(who: Account, slurm: SmallSlurm) -> list[str]:
    """An account's jobs that aren't ending."""
    states = "PENDING,CONFIGURING,RUNNING,SUSPENDED"
    return slurm.run("squeue", "--noheader", f"--user={who.name}", f"--states={states}", "-o%A").split()


def end_jobs(site: Site, permit: str, *jobs: str) -> None:
    named = tuple(map(int, jobs)) or None
    gate.answer(site, EndJobs(permit=permit, jobs=named).model_dump_json())


def test_all_jobs_of_a_permit_s_account_end_and_no_others(
    site: Site, mine: Account, other: Account, slurm: SmallSlurm
):
    """Whatever it called them: the queue shows names as they are, line ends and all."""
    names = ("sundbench-run", "1|root|RUNNING\n2|root|RUNNING\n", "--user=root")
    own = [begins(mine, slurm, f"--job-name={name}") for name in names]
    own += [begins(mine, slurm, "--hold"), begins(mine, slurm, "--array=1-3", "--hold")]
    others = [
        begins(other, slurm),
        slurm.run("sbatch", "--parsable", "-o/dev/null", "--wrap=id", "-H").strip(),
    ]
    found = account_jobs.going(site)
    assert {str(job) for job, permit in found.items() if permit == mine.permit} == set(own)
    assert {str(job) for job, permit in found.items() if permit == other.permit} == {others[0]}
    end_jobs(site, mine.permit, own[1], others[0], others[1], "4000000000")
    assert own[1] not in live(mine, slurm)
    end_jobs(site, mine.permit)
    assert not live(mine, slurm)
    until(lambda: not processes.of(mine.uid))
    assert live(other, slurm) == [others[0]]
    assert slurm.run("squeue", "-h", f"-j{others[1]}", "-o%T").strip() == "PENDING"
    slurm.run("scancel", *others)


def test_jobs_that_begin_others_as_fast_as_they_can_come_to_an_end(
    site: Site, mine: Account, slurm: SmallSlurm
):
    """And begin one more when they are asked to end."""
    folder = Path(tempfile.mkdtemp(prefix="sb-again-"))
    folder.chmod(0o755)
    program = folder / "program"
    again = f"sbatch --output=/dev/null --chdir=/ {program}"
    program.write_text(f"#!/bin/sh\ntrap '{again}' TERM\nwhile :; do {again}; done\n")
    program.chmod(0o755)
    try:
        begins(mine, slurm, f"--wrap={program}")
        until(lambda: len(live(mine, slurm)) > 20)
        end_jobs(site, mine.permit)
        until(lambda: not processes.of(mine.uid))
        assert not live(mine, slurm)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "asked",
    [
        {"jobs": []},
        {"jobs": [0]},
        {"jobs": [-1]},
        {"jobs": ["--user=root"]},
        {"jobs": ["1_[1-9]"]},
        {"jobs": [2**40]},
        {"jobs": list(range(1, 2000))},
        {"jobs": None, "permit": "another-permit"},
        {"jobs": None, "permit": "root"},
        {"jobs": None, "name": "x"},
        {},
    ],
)
def test_no_other_end_is_asked_for(site: Site, mine: Account, slurm: SmallSlurm, asked: dict[str, Any]):
    stays = begins(mine, slurm, "--hold")
    with pytest.raises(ClusterError):
        gate.answer(site, json.dumps({"do": "end-jobs", "permit": mine.permit} | asked))
    assert live(mine, slurm) == [stays]
    slurm.run("scancel", stays)


@pytest.mark.parametrize(
    "changes",
    [
        {"permit": "--uid=0"},
        {"permit": "../../root"},
        {"permit": "a b"},
        {"permit": "another-permit"},
        {"partition": "batch --uid=0"},
        {"partition": "--wrap=id"},
        {"partition": "batch\n#SBATCH --uid=0"},
        {"charge": "x;id"},
        {"cores": "1 --uid=0"},
        {"minutes": 0},
        {"minutes": 10**13},
        {"memory": 10**400},
        {"program": "os"},
        {"script": "#!/bin/sh\nid"},
        {"uid": 0},
        {"do": "write"},
        {"letter": "x" * (2**20 + 1)},
    ],
)
def test_what_it_is_not_made_for_is_refused(
    site: Site, mine: Account, slurm: SmallSlurm, changes: dict[str, Any]
):
    known = ("squeue", "--noheader", "--states=all", "--format=%A")
    before = slurm.run(*known).split()
    with pytest.raises(ClusterError):
        gate.answer(site, asked(mine.permit, **changes))
    assert set(slurm.run(*known).split()) <= set(before)  # Slurm forgets those that have ended
    assert not list(folders.letters(site, mine).glob("*.json"))


def test_a_letter_whose_job_slurm_refuses_is_removed(site: Site, mine: Account):
    with pytest.raises(ClusterError, match="sbatch refuses"):
        gate.answer(site, asked(mine.permit, partition="nowhere"))
    assert not list(folders.letters(site, mine).glob("*.json"))


def test_a_letter_that_no_job_will_read_goes_at_the_next_start_and_no_other(
    site: Site, mine: Account, begun: gate.Begun
):
    """Whoever wrote it was killed before Slurm had its job; who waits in the queue for long keeps theirs."""
    folder = folders.letters(site, mine)
    waits, stray, new = (folder / f"{name}.json" for name in (begun.letter, "a" * 16, "b" * 16))
    for letter in (stray, new):
        letter.write_text("{}")
        os.chown(letter, mine.uid, mine.gid)
    for letter in (waits, stray):
        os.utime(letter, (0, 0))
    following = gate.Begun.model_validate_json(gate.answer(site, asked(mine.permit)))
    gate.answer(site, gate.End(permit=mine.permit, job=following.job).model_dump_json())
    try:
        assert (waits.exists(), stray.exists(), new.exists()) == (True, False, True)
    finally:
        new.unlink()


def test_a_link_in_the_letters_folder_leads_root_nowhere(
    site: Site, mine: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The folder is the account's: it could put anything there, if it could guess a name."""
    monkeypatch.setattr(gate.secrets, "token_hex", lambda _: "0" * 16)
    target = tmp_path / "root's"
    target.write_text("as it was")
    link = folders.letters(site, mine) / f"{'0' * 16}.json"
    link.symlink_to(target)
    try:
        with pytest.raises(ClusterError, match="can't write there"):
            gate.answer(site, asked(mine.permit))
        assert target.read_text() == "as it was"
    finally:
        link.unlink()


def test_as_a_program_it_says_what_is_wrong_in_one_line(site: Site):
    done = subprocess.run(
        [sys.executable, "-I", "-m", "sundbench.slurm.gate", "--home", str(site.root)],
        input='{"do": "begin"}', capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert SECRET not in done.stderr
