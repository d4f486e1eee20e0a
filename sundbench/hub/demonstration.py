"""An installation to try: invented persons, two projects, people of every role, a published report.

Each step is left alone where it is done, so that a start that was broken off goes on. Everybody's password is
drawn for this installation and kept beside the hashes (``hub/demonstration.json``, 0600) to be printed at
every start: that is what a demonstration is for, and a site with real people must never do it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

from sundbench import aside
from sundbench.errors import HubError
from sundbench.governance.models import Decision
from sundbench.hub import settings
from sundbench.hub.demonstration_people import Account, add_people
from sundbench.hub.demonstration_projects import PROJECTS, STUDY, register_projects
from sundbench.hub.runtime import private
from sundbench.hub.slurm.setting_up import set_up
from sundbench.registers.synthetic.run import synthesize
from sundbench.release import content, requests, run
from sundbench.release import report as reports
from sundbench.release.study import find
from sundbench.release.synthetic_extract import synthetic_extract
from sundbench.site import Site
from sundbench.slurm import accounts as accounts_of_jobs
from sundbench.slurm.small.cluster import SmallSlurm
from sundbench.store import extract, freeze
from sundbench.store.vault import Vault

FREEZE = "demo"
PERSONS = 8_000
_MARK = ".sundbench-demonstration"


_ON_CLUSTER = """\
[site]
profile = "slurm"
demonstration = true

[slurm]
hub_host = "{host}"
cores = 1
memory = "1800 MiB"

[slurm.run]
cores = 1
memory = "1800 MiB"

[kernel]
memory = "1200 MiB"

[server]
memory = "600 MiB"
"""


def prepare(
    site: Site, say: Callable[[str], object] = lambda _: None, slurm: SmallSlurm | None = None
) -> tuple[Site, list[Account]]:
    """Make what is missing of the demonstration.

    Args:
        site: its folder: empty, or an earlier demonstration's.
        say: told what is being made, a line each.
        slurm: the cluster whose jobs the project servers are; None: they are this machine's processes.

    Returns:
        The site, with the demonstration's own database and vault key; and who can log in.

    Raises:
        HubError: the folder holds something else.
        ClusterError: the projects' accounts can't be set up.
    """
    site = _claimed(site, slurm)
    accounts = add_people(site)
    register_projects(site)
    _freeze(site, say)
    for project in PROJECTS:
        if not (site.extracts / project / FREEZE).exists():
            say(f"cutting the extract of project {project}, and inventing one of the same shape")
        extract.extract(site, project, FREEZE)
        synthetic_extract(site, project)
    _report(site, say)
    if slurm is not None:
        say("giving each project's folders to an account of its own")
        # Removed since, as docs/operators.md offers, accounts come back with other numbers.
        accounts_of_jobs.forget(site)
        set_up(site, "ida")
    return site, accounts


def _claimed(site: Site, slurm: SmallSlurm | None) -> Site:
    root = site.root
    if root.exists() and any(root.iterdir()) and not (root / _MARK).exists():
        raise HubError(f"{root} holds no demonstration: name another folder with --home")
    root.mkdir(parents=True, exist_ok=True)
    (root / _MARK).touch()
    file = settings.path(site)
    if not file.exists():
        private(site.hub)
        text = "[site]\ndemonstration = true\n"
        aside.write(file, text if slurm is None else _ON_CLUSTER.format(host=slurm.host_address), mode=0o600)
    found = settings.read(site)
    if found.site.profile != ("local" if slurm is None else "slurm"):
        raise HubError(
            f"{root} holds a demonstration {'on' if slurm is None else 'without'} a cluster: name another "
            "folder with --home"
        )
    if slurm is not None and found.slurm.host != slurm.host_address:  # each small cluster has its own network
        # Certificates are for the address that was. No server is left that would know the old ones.
        shutil.rmtree(site.hub / "certificates", ignore_errors=True)
        aside.write(
            file, file.read_text(encoding="utf-8").replace(found.slurm.host, slurm.host_address), mode=0o600
        )
    key = root / "vault.key"
    if not key.exists():
        Vault.create_key(key)
    return replace(site, vault_key_file=key, database_url=f"sqlite:///{root / 'sundbench.db'}")


def _freeze(site: Site, say: Callable[[str], object]) -> None:
    if (site.freezes / FREEZE / "freeze.json").exists():
        return
    say(f"inventing {PERSONS:,} persons and their registers")
    delivery = site.root / "delivery"
    shutil.rmtree(delivery, ignore_errors=True)
    synthesize(delivery, persons=PERSONS, seed=1)
    say("freezing them: validating, pseudonymising, sorting")
    freeze.create(site, delivery, FREEZE)
    shutil.rmtree(delivery)


def _report(site: Site, say: Callable[[str], object]) -> None:
    """A released report, for policymakers to read: one study, run, reviewed and published."""
    if any((site.reports / STUDY).glob("*.html")):
        return
    say(f"running the study {STUDY}, reviewing its results, publishing its report")
    manifest = run.start(site, find(content.analyses(), STUDY), permit="lung-cancer", user="anna")
    asked = requests.submit(site, manifest.run, "anna")
    for reviewer in ("rikke", "jens"):
        requests.vote(site, asked.id, reviewer, Decision.APPROVE, "demonstration")
    requests.publish(site, asked.id)
    reports.publish(site, content.reports() / STUDY, asked.id)
