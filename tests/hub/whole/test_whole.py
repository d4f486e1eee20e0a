"""The attacks and the walks of the parts, against the whole: one installation with everything on.

What is named here is collected here, and finds this folder's installation under its fixtures' names. All of
it stands in one file, and so is one installation, wherever files are shared out to several processes.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from sundbench.governance.audit.actions import Action
from sundbench.hub.settings import read
from sundbench.slurm import folders
from tests.hub import test_borders as borders
from tests.hub.attacks.from_a_kernel import SECRET, Wanted, reaches_nothing
from tests.hub.attacks_http import test_same_origin as same_origin
from tests.hub.browser import test_walks as walks
from tests.hub.installation import close, eventually
from tests.hub.oidc import test_logging_in as logging_in
from tests.hub.proxy import test_subdomains as subdomains
from tests.hub.whole.installation import LATER, Whole
from tests.hub.whole.job import Job, job_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NODE, ELSEWHERE = "n1", "n2"
MINE, THEIRS = "lung-cancer", "diabetes"
"""Rikke's project and Anders'."""

OPTIONS: dict[str, Any] = {
    "cmd": ["/bin/sh", "-c", "id > /tmp/owned"],
    "batch_script": "#!/bin/sh\nid > /tmp/owned",
    "exec_prefix": "sudo",
    "req_username": "root",
    "req_partition": "other",
    "req_runtime": "30-00:00:00",
    "req_options": "--uid=0",
    "req_prologue": "id > /tmp/owned",
    "environment": {"LD_PRELOAD": "/tmp/x.so"},
    "permit": THEIRS,
    "user": "anders",
}
"""What batchspawner would have taken from a request into a job's script, and more."""


@pytest.fixture(scope="module")
def jobs(whole: Whole) -> tuple[Job, Job]:
    """Rikke's server and Anders', on one node; begun by requests that ask for more."""
    starts = [(whole.visitor("rikke"), MINE), (whole.visitor("anders"), THEIRS)]
    letters = whole.begin(NODE, *starts, user_options=OPTIONS, **OPTIONS)
    rikke_s, anders_s = (job_of(whole, *one, letter) for one, letter in zip(starts, letters, strict=True))
    return rikke_s, anders_s


# Over HTTP, from the outside and from the inside.

test_nobody_mints_a_token = borders.test_nobody_mints_a_token
test_nor_with_a_password_in_the_request = borders.test_nor_with_a_password_in_the_request
test_only_members_start_a_server = borders.test_only_members_start_a_server
test_there_is_no_default_server = borders.test_there_is_no_default_server
test_nobody_but_an_administrator_sees_others = borders.test_nobody_but_an_administrator_sees_others
test_nothing_is_shared = borders.test_nothing_is_shared
test_without_the_token_of_the_page_nothing_is_done = (
    borders.test_without_the_token_of_the_page_nothing_is_done
)
test_a_script_reads_no_page_of_the_hub = borders.test_a_script_reads_no_page_of_the_hub
test_the_anonymous_get_nothing = borders.test_the_anonymous_get_nothing

# By a provider that lies, or is lied to.

truthful = logging_in.truthful
test_who_is_refused_reads_why = logging_in.test_who_is_refused_reads_why
test_tokens_that_are_not_for_this_log_in = logging_in.test_tokens_that_are_not_for_this_log_in
test_a_token_that_is_not_signed = logging_in.test_a_token_that_is_not_signed
test_a_name_is_one_account_s = logging_in.test_a_name_is_one_account_s_and_an_account_has_one_name
test_the_way_back_is_for_one_use = logging_in.test_the_way_back_is_for_one_use_in_one_browser

# From a kernel, and from the job around it.


def test_no_option_of_a_request_reaches_a_job(whole: Whole, jobs: tuple[Job, Job]) -> None:
    for job in jobs:
        who, partition, minutes, node = whole.slurm.run(
            "squeue", "-h", f"-j{job.number}", "-o%u %P %l %N"
        ).split()
        assert (who, partition, minutes, node) == (job.account.name, "batch", "10:00:00", NODE)
        script = whole.slurm.run("scontrol", "write", "batch_script", job.number, "-")
        assert re.fullmatch(r"#!/bin/sh\nexec \S+ -I -m sundbench\.hub\.slurm\.job \S+\.json\n+", script)
        told = job.letter.assignment
        assert (told.user, told.permit) == (job.visitor.user, job.project)
        assert "owned" not in told.model_dump_json()
        assert "LD_PRELOAD" not in told.environment
        assert job.visitor.api("POST", "batchspawner", OPTIONS | {"port": 4711}).status_code in {403, 404}
    assert not Path("/tmp/owned").exists()


def test_everything_that_a_kernel_must_not_reach_from_its_node(whole: Whole, jobs: tuple[Job, Job]) -> None:
    mine, theirs = jobs
    site, slurm = whole.site, whole.slurm
    chosen = read(site)
    theirs_only = (
        site.extracts / THEIRS / "tested",
        site.workspaces / THEIRS,
        folders.letters(site, theirs.account),
        theirs.runtime,
    )
    for folder in (*theirs_only, site.hub, slurm.folder):
        (folder / "planted").write_text(SECRET)
    controller = slurm.host_address.rpartition(".")[0] + ".253"
    on_the_net = [
        (slurm.host_address, chosen.hub.hub_port),
        (slurm.host_address, chosen.slurm.audit_port),
        (controller, 6817),
        (slurm.address(NODE), 6818),
        (slurm.address(ELSEWHERE), 6818),
        (slurm.address(NODE), theirs.port),
        (slurm.address(NODE), mine.port),
    ]
    found = mine.tries("for one in addresses: attempt(str(one), lambda: connect(*one))", addresses=on_the_net)
    assert set(found.values()) == {"reached"}, "from the node itself, all of it is there"

    of_the_host = [("127.0.0.1", port) for port in (*chosen.ports.values(), whole.provider.port, 6817, 6818)]
    wanted = Wanted(
        addresses=on_the_net + of_the_host,
        sockets=[
            *(str(job.runtime / name) for job in jobs for name in ("writer.sock", "broker.sock")),
            str(slurm.folder / "munge" / "socket"),
            str(site.runtime / "audit.sock"),
        ],
        files=[
            *(str(folder / "planted") for folder in (*theirs_only, site.hub, slurm.folder)),
            *(str(slurm.folder / name) for name in ("slurm.conf", "munge/key", "slurmctld.log")),
            str(site.hub / "certificates" / "hub-internal" / "hub-internal.key"),
            str(site.root / "accounts.json"),
        ],
        folders=[
            *(str(folder) for folder in (site.root, slurm.folder, *theirs_only)),
            str(mine.runtime),
            str(folders.letters(site, mine.account)),
        ],
        programs=(
            "sudo -n true",
            "su -c true",
            "sinfo",
            "squeue",
            "scontrol ping",
            "sbatch --wrap=id",
            "munge -n",
        ),
        words=("JUPYTERHUB", "SLURM", "MUNGE"),
    )
    kernel = mine.visitor.kernel(MINE)
    assert kernel.run("import sundbench as sb; print(len(sb.connect()['lmdb']) > 0)") == "True\n"
    reaches_nothing(partial(kernel.run, seconds=300), wanted)


def test_who_breaks_out_into_a_job_reaches_no_other_permit_s(whole: Whole, jobs: tuple[Job, Job]) -> None:
    """Its account, on its node, with all that its job was told; beside another permit's job."""
    mine, theirs = jobs
    site = whole.site
    others = (
        *(root / THEIRS for root in (site.extracts, site.workspaces, site.scratch, site.outboxes)),
        *(folders.letters(site, theirs.account), theirs.runtime, whole.slurm.folder / "munge" / "key"),
        *(site.root, site.hub, site.audit),
    )
    commands = (
        *(f"scancel {theirs.number}", f"scontrol update jobid={theirs.number} timelimit=1"),
        *(
            f"scontrol hold {theirs.number}",
            "sbatch --uid=0 --wrap=id",
            f"sbatch --uid={theirs.account.uid} --wrap=id",
            "sudo -n true",
        ),
        *("scontrol update nodename=n2 state=down reason=x", "scontrol shutdown"),
    )
    found = mine.tries(
        """
attempt("own job", lambda: open(f"/proc/{own}/environ").read(1))
attempt("port as the proxy", lambda: talk(address, port, proxy))
for one in ports:
    attempt(f"port {one}", lambda: talk(address, one, identity))
for name in ("environ", "root/etc/passwd", "mem", "maps"):
    attempt(name, lambda: open(f"/proc/{process}/{name}").read(1))
attempt("signal", lambda: os.kill(process, 0))
for path in others:
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read(1))
for path in sockets:
    attempt(path, lambda: socket.socket(socket.AF_UNIX).connect(path))
os.environ["SLURM_CONF"] = conf
attempt("asking", lambda: run("squeue"))
for command in commands:
    attempt(command, lambda: run(*command.split()))
""",
        own=mine.there,
        process=theirs.there,
        address=whole.slurm.address(NODE),
        port=theirs.port,
        ports=(theirs.port, mine.port),
        identity=mine.letter.identity.model_dump(),
        proxy=whole.identity_of("proxy-client").model_dump(),
        others=[str(path) for path in others],
        sockets=[str(theirs.runtime / name) for name in ("writer.sock", "broker.sock")],
        commands=commands,
        conf=whole.slurm.environment["SLURM_CONF"],
    )
    assert found.pop("own job") is not None, "it is where it says that it is"
    assert found.pop("asking") is True, "Slurm answers there"
    assert found.pop("port as the proxy") == "answered"
    for name, what in found.items():
        refused = [False, "PermissionError", "SSLError", "ConnectionResetError", "hung up on"]
        assert what in refused, (name, what)
    assert theirs.visitor.server("GET", THEIRS, "api/status").ok, "and nothing happened to it"


def test_what_a_job_holds_opens_nothing_else(whole: Whole, jobs: tuple[Job, Job], tmp_path: Path) -> None:
    """Its token, at the hub's inner door with its certificate, and at the front, on every host."""
    mine, theirs = jobs
    headers = {"Authorization": f"token {mine.letter.assignment.environment['JUPYTERHUB_API_TOKEN']}"}
    for name in ("certificate", "key"):
        (tmp_path / name).write_text(getattr(mine.letter.identity, name))
    inner: dict[str, Any] = {
        "cert": (str(tmp_path / "certificate"), str(tmp_path / "key")),
        "verify": str(whole.site.hub / "certificates" / "hub-ca" / "hub-ca.crt"),
    }
    doors: list[tuple[str, dict[str, Any]]] = [
        (f"https://{whole.slurm.host_address}:{read(whole.site).hub.hub_port}/", inner),
        (whole.url, {}),
    ]
    active = {"last_activity": "2026-01-01T00:00:00Z"}
    refused = [
        ("POST", f"users/{theirs.visitor.user}/activity", active),
        ("POST", f"users/{mine.visitor.user}/servers/{LATER}", {}),
        ("DELETE", f"users/{mine.visitor.user}/servers/{MINE}", None),
        ("POST", f"users/{mine.visitor.user}/tokens", {}),
        ("POST", "sundbench/port", {"port": 4711}),
        *(("POST", "batchspawner", {"port": 4711} | more) for more in ({}, OPTIONS)),
        *(("GET", path, None) for path in ("users", "proxy", "info", f"users/{theirs.visitor.user}")),
    ]
    for door, more in doors:

        def ask(method: str, path: str, body: object, door: str = door, more: Any = more) -> int:
            there = f"{door}hub/api/{path}"
            return requests.request(method, there, headers=headers, json=body, timeout=20, **more).status_code

        assert ask("POST", f"users/{mine.visitor.user}/activity", active) == 200
        for one in refused:
            assert ask(*one) in {403, 404}, (door, one)
    for host in (theirs.visitor.host, mine.visitor.host, whole.url):
        there = f"{host}user/{theirs.visitor.user}/{THEIRS}/api/status"
        answer = requests.get(there, headers=headers, timeout=20)
        assert answer.status_code in {403, 404} or "/hub/login" in answer.url, there


# From one host to another, and from one project to another.

test_another_person_s_host_takes_nothing_of_it = (
    subdomains.test_another_person_s_host_and_the_hub_s_take_nothing_of_it
)
test_hosts_are_not_each_other_s = subdomains.test_hosts_are_not_each_other_s
rikke, page = same_origin.rikke, same_origin.page
test_no_frame_shows_another_project_or_the_hub = same_origin.test_no_frame_shows_another_project_or_the_hub
test_no_script_asks_another_project_or_the_hub = (
    same_origin.test_no_script_asks_another_project_or_the_hub_in_its_reader_s_name
)
test_every_answer_says_that_it_goes_into_no_frame = (
    same_origin.test_every_answer_says_that_it_goes_into_no_frame
)

# People at a browser.

test_researcher_from_log_in_to_log_out = walks.test_researcher_from_log_in_to_log_out
test_analyst_works_in_each_of_two_projects = walks.test_analyst_works_in_each_of_two_projects
test_reviewer_and_steward = walks.test_reviewer_and_steward_see_why_they_have_nothing_to_start
test_policymaker_reads_a_dashboard_and_nothing_else = (
    walks.test_policymaker_reads_a_dashboard_and_nothing_else
)
test_admin_stops_servers_and_opens_none = walks.test_admin_stops_servers_and_opens_none


def test_a_job_does_not_outlive_its_permit_though_no_hub_was_there(whole: Whole) -> None:
    """The last test: a permit is closed while its project's server is up and the hub is down."""
    anders = whole.visitor("anders")
    assert anders.state(THEIRS) == "running"
    whole.kill("hub")
    close(whole.site, THEIRS)
    assert whole.jobs_of(THEIRS)

    whole.start_hub()

    eventually(lambda: not whole.jobs_of(THEIRS), 60)
    stop = eventually(lambda: whole.records(action=Action.SERVER_STOP, object=f"anders:{THEIRS}"))[-1]
    assert stop["detail"]["why"] == "permit closed"
    assert anders.start(THEIRS, wait=False).status_code == 403
