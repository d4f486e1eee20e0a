"""An installation to try: invented persons, two projects, people of every role, a published report.

Each step is left alone where it is done, so that a start that was broken off goes on. Everybody's password is
drawn for this installation and kept beside the hashes (``hub/demonstration.json``, 0600) to be printed at
every start: that is what a demonstration is for, and a site with real people must never do it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from sundbench import aside
from sundbench.errors import HubError
from sundbench.governance import database, people, permits
from sundbench.governance.models import Decision, Role
from sundbench.governance.permit import check, parse
from sundbench.hub import passwords, settings
from sundbench.hub.runtime import private
from sundbench.hub.slurm.setting_up import set_up
from sundbench.registers.catalogue import catalogue
from sundbench.registers.synthetic.run import synthesize
from sundbench.release import content, requests, run
from sundbench.release import report as reports
from sundbench.release.study import find
from sundbench.release.synthetic_extract import synthetic_extract
from sundbench.site import Site
from sundbench.slurm.small.cluster import SmallSlurm
from sundbench.store import extract, freeze
from sundbench.store.vault import Vault

FREEZE = "demo"
STUDY = "drug_cost_effectiveness"
PERSONS = 8_000
_MARK = ".sundbench-demonstration"
_CHANGED = "(changed)"


@dataclass(frozen=True)
class Somebody:
    """One of the demonstration's people; what they may do in projects stands in the permits.

    Attributes:
        name: full name.
        can: what to try as them.
        roles: on the whole site.
    """

    name: str
    can: str
    roles: tuple[Role, ...] = ()


PEOPLE = {
    "anna": Somebody("Anna Holm", "researcher in lung-cancer"),
    "mikkel": Somebody("Mikkel Sørensen", "researcher in lung-cancer and blood-thinners"),
    "freja": Somebody("Freja Kjær", "researcher in blood-thinners"),
    "sofie": Somebody("Sofie Bech", "analyst in lung-cancer"),
    "rikke": Somebody("Rikke Friis", "reviewer of outputs", (Role.REVIEWER,)),
    "jens": Somebody("Jens Lund", "reviewer of outputs", (Role.REVIEWER,)),
    "karen": Somebody("Karen Østergaard", "steward of data and permits", (Role.STEWARD,)),
    "henrik": Somebody("Henrik Dahl", "policymaker: reads dashboards", (Role.POLICYMAKER,)),
    "ida": Somebody("Ida Winther", "administrator of the hub", (Role.ADMIN,)),
}

_LUNG_CANCER = """\
id = "lung-cancer"
title = { da = "Immunterapi ved lungekræft", en = "Immunotherapy in lung cancer" }
purpose = "Costs and effects of immunotherapy against chemotherapy; every person is invented."
basis = "None needed: every person is invented"
members = [
    { user = "anna", role = "researcher" },
    { user = "mikkel", role = "researcher" },
    { user = "sofie", role = "analyst" },
]
period = { since = 1995-01-01, until = 2025-12-31 }
disclosure = "sundhedsdatastyrelsen"

[population]
any = [
    { ever = { register = "cancer", column = "c_icd10", prefixes = ["C34"] } },
    { ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } },
    { ever = { register = "lpr3a_diagnose", column = "diag_kode", prefixes = ["DC34"] } },
]
"""

_BLOOD_THINNERS = """\
id = "blood-thinners"
title = { da = "Blodfortyndende medicin ved atrieflimren", en = "Blood thinners in atrial fibrillation" }
purpose = "Bleeding under apixaban and warfarin; every person is invented."
basis = "None needed: every person is invented"
members = [
    { user = "freja", role = "researcher" },
    { user = "mikkel", role = "researcher" },
]
period = { since = 2008-01-01, until = 2024-12-31 }
disclosure = "sundhedsdatastyrelsen"

[population]
ever = { register = "lmdb", column = "atc", prefixes = ["B01A"] }

[registers]
bef = { columns = ["referencetid", "koen", "foed_dato", "reg"] }
dod = { columns = ["doddato"] }
vnds = { columns = ["haend_dato", "indud_kode"] }
lmdb = { columns = ["eksd", "atc", "vnr", "apk", "volume", "eksp"] }
lpr_adm = { columns = ["recnum", "d_inddto", "d_uddto", "c_pattype"] }
lpr_diag = { columns = ["recnum", "d_inddto", "c_diag", "c_diagtype"] }

[registers.lpr3a_kontakt]
columns = [
    "dw_ek_kontakt", "kont_starttidspunkt", "kont_sluttidspunkt", "kont_type", "lprindberetningssystem",
]

[registers.lpr3a_diagnose]
columns = [
    "dw_ek_kontakt", "kont_starttidspunkt", "diag_kode", "diag_type", "senere_afkraeftet",
    "lprindberetningssystem",
]
"""

PROJECTS = ("lung-cancer", "blood-thinners")


@dataclass(frozen=True)
class Account:
    """Who can log in.

    Attributes:
        user, password: what to type; the password reads ``(changed)`` where it is no longer the drawn one.
        name: full name.
        can: what to try as them.
    """

    user: str
    password: str
    name: str
    can: str


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
    accounts = _people(site)
    _register(site)
    _freeze(site, say)
    for project in PROJECTS:
        if not (site.extracts / project / FREEZE).exists():
            say(f"cutting the extract of project {project}, and inventing one of the same shape")
        extract.extract(site, project, FREEZE)
        synthetic_extract(site, project)
    _report(site, say)
    if slurm is not None:
        say("giving each project's folders to an account of its own")
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
        aside.write(
            file, file.read_text(encoding="utf-8").replace(found.slurm.host, slurm.host_address), mode=0o600
        )
    key = root / "vault.key"
    if not key.exists():
        Vault.create_key(key)
    return replace(site, vault_key_file=key, database_url=f"sqlite:///{root / 'sundbench.db'}")


def _people(site: Site) -> list[Account]:
    with database.writing(site) as session:
        there = {person.user for person in people.everyone(session)}
        for user, somebody in PEOPLE.items():
            if user not in there:
                people.add(session, user, somebody.name, somebody.roles)
    file = private(site.hub) / "demonstration.json"
    drawn: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    new = {user: passwords.generate() for user in PEOPLE if user not in drawn}
    if new:
        # Written first: a password that was set and not written down would be lost.
        aside.write(file, json.dumps(drawn | new, indent=1), mode=0o600)
    for user in PEOPLE.keys() - passwords.users(site):
        passwords.put(site, user, (drawn | new)[user])
    accounts = []
    for user, somebody in PEOPLE.items():
        known = (drawn | new)[user]
        shown = known if passwords.check(site, user, known) else _CHANGED
        accounts.append(Account(user, shown, somebody.name, somebody.can))
    return accounts


def _register(site: Site) -> None:
    needed = find(content.analyses(), STUDY).about.permit.registers
    registers = "".join(
        f"\n[registers.{name}]\ncolumns = {json.dumps(list(has))}\n" for name, has in needed.items()
    )
    today = permits.today()
    expires = f"expires = {date(today.year + 1, today.month, min(today.day, 28))}\n"
    for text in (_LUNG_CANCER + registers, _BLOOD_THINNERS):
        whole = text.replace("disclosure = ", f"{expires}disclosure = ", 1)
        permit = parse(whole, "the demonstration's permit")
        check(permit, catalogue(), "the demonstration's permit")
        with database.writing(site) as session:
            if permit.id not in {one.permit.id for one in permits.every(session)}:
                permits.register(session, permit, whole, "karen")


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
