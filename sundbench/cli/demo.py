"""``sundbench demo``: the whole way, from register deliveries to a published report, on invented persons."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sundbench.cli.screen import progress, screen
from sundbench.errors import SundbenchError
from sundbench.progress import Report
from sundbench.site import Site

if TYPE_CHECKING:
    from rich.table import Table

    from sundbench.release.released import Released

STUDY = "drug_cost_effectiveness"
PERMIT = "lung-cancer-demo"
FREEZE = "demo"
PEOPLE = {
    "anna": ("Anna Holm", ()),
    "rikke": ("Rikke Friis", ("reviewer",)),
    "jens": ("Jens Lund", ("reviewer",)),
}
"""Invented: a researcher (her role stands in the permit) and two reviewers."""

_MARK = ".sundbench-demo"


def demo(
    ctx: typer.Context,
    persons: Annotated[int, typer.Option(help="Persons to invent.", min=8_000)] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same persons.", min=0)] = 1,
) -> None:
    """Walk the whole way on invented persons, and compare the result with the truth planted in them.

    Synthesizes a delivery, freezes it, registers a permit, extracts its data, runs the cost-effectiveness
    study, has its outputs checked and reviewed, and publishes the report. Starts clean each time: what an
    earlier demo left in the same folder is removed.

    Example: sundbench --home .demo demo
    """
    from sundbench.disclosure.check import check
    from sundbench.disclosure.profile import profile
    from sundbench.governance.models import Decision
    from sundbench.registers.synthetic import synthesize
    from sundbench.release import content, released, requests, run
    from sundbench.release import report as reports
    from sundbench.release.study import find
    from sundbench.store import extract, freeze
    from sundbench.store.vault import Vault

    started = time.monotonic()
    site = _clean(ctx.obj)
    study = find(content.analyses(), STUDY)

    with _step(1, "invent people and write their registers as a delivery") as report:
        truth = synthesize(site.root / "delivery", persons=persons, seed=seed, report=report)
    with _step(2, "freeze the delivery: validate, pseudonymise, sort, hash") as report:
        assert site.vault_key_file is not None  # noqa: S101 - set by _clean
        Vault.create_key(site.vault_key_file)
        frozen = freeze.create(site, site.root / "delivery", FREEZE, report=report)
    _tell_freeze(frozen.manifest)
    with _step(3, f"register the permit {PERMIT} and extract its data") as report:
        _register(site, study.about.permit.registers)
        cut = extract.extract(site, PERMIT, FREEZE, report=report)
    screen.print(f"   {cut.manifest['persons']:,} persons in the project's extract")
    with _step(4, f"run the study {STUDY}") as report:
        manifest = run.start(site, study, permit=PERMIT, user="anna", report=report)
    with _step(5, "check for disclosure, two reviewers, release"):
        findings = check(run.folder_of(site, manifest.run) / "outbox", profile(manifest.policy.profile))
        asked = requests.submit(site, manifest.run, "anna")
        for reviewer in ("rikke", "jens"):
            requests.vote(site, asked.id, reviewer, Decision.APPROVE, "demo")
        requests.publish(site, asked.id)
    screen.print(f"   {len(manifest.outputs)} files checked, {len(findings)} remarks; release {asked.id}")
    with _step(6, "publish the report") as report:
        page = reports.publish(site, content.reports() / STUDY, asked.id, report=report)

    results = released.verified(site, asked.id)
    horizon = float(manifest.parameters["horizon_years"])
    screen.print(_beside_truth(results, truth["oncology"]["all"], horizon))
    screen.print("The truth is what was planted in the invented persons. They say nothing about any patient.")
    screen.print(f"report: {page}", soft_wrap=True, markup=False)
    screen.print(f"finished in {time.monotonic() - started:.0f} s")


@contextmanager
def _step(number: int, title: str) -> Iterator[Report]:
    screen.print(f"[bold]{number}/6 {title}[/bold]")
    with progress("  ") as report:
        yield report


def _clean(site: Site) -> Site:
    """Empty the demo's folder, and point the site at its own key and database.

    Raises:
        SundbenchError: the folder holds something else than an earlier demo.
    """
    if site.root.exists() and any(site.root.iterdir()):
        if not (site.root / _MARK).exists():
            raise SundbenchError(f"{site.root} holds no demo: name another folder with --home")
        # Freezes and releases are read-only; only root could remove them as they are.
        for folder in (path for path in site.root.rglob("*") if path.is_dir() and not path.is_symlink()):
            folder.chmod(0o700)
        shutil.rmtree(site.root)
    site.root.mkdir(parents=True, exist_ok=True)
    (site.root / _MARK).touch()
    database = f"sqlite:///{site.root / 'sundbench.db'}"
    return replace(site, vault_key_file=site.root / "vault.key", database_url=database)


def _register(site: Site, registers: dict[str, tuple[str, ...]]) -> None:
    """Register the demo's people, and a permit for what the study reads, of people with lung cancer."""
    from sundbench.governance import database, people, permits
    from sundbench.governance.models import Role
    from sundbench.governance.permit import check, parse
    from sundbench.registers.catalogue import catalogue

    today = date.today()  # noqa: DTZ011 - permits expire by the site's own calendar
    text = f"""\
id = "{PERMIT}"
title = {{ da = "Prisen for et leveår ved lungekræft (demo)", en = "The price of a life-year (demo)" }}
purpose = "To show the whole way on invented persons"
basis = "None needed: every person is invented"
members = [{{ user = "anna", role = "researcher" }}]
period = {{ since = 1995-01-01, until = 2025-12-31 }}
expires = {today.replace(year=today.year + 1, day=min(today.day, 28))}
disclosure = "sundhedsdatastyrelsen"

[population]
any = [
  {{ ever = {{ register = "cancer", column = "c_icd10", prefixes = ["C34"] }} }},
  {{ ever = {{ register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] }} }},
  {{ ever = {{ register = "lpr3a_diagnose", column = "diag_kode", prefixes = ["DC34"] }} }},
]
"""
    for name, columns in registers.items():
        text += f"\n[registers.{name}]\ncolumns = {json.dumps(columns)}\n"
    permit = parse(text, "the demo's permit")
    check(permit, catalogue(), "the demo's permit")
    with database.writing(site) as session:
        for user, (name, roles) in PEOPLE.items():
            people.add(session, user, name, [Role(role) for role in roles])
        permits.register(session, permit, text, "demo")


def _tell_freeze(manifest: Any) -> None:  # noqa: ANN401 - freeze.json
    sources = manifest["sources"]
    read, kept = (sum(source[count] for source in sources) for count in ("read", "kept"))
    screen.print(f"   {read:,} rows read = {kept:,} kept + {read - kept:,} quarantined with a reason")


def _beside_truth(results: Released, truth: Mapping[str, Any], horizon: float) -> Table:
    """The incremental cost-effectiveness table, each estimate beside what was planted."""
    from rich.table import Table

    planted = truth["incremental"][f"{horizon:g}"]
    expected = {
        "total cost": planted["cost"]["total"],
        "life-years": planted["life_years"],
        "cost per life-year": planted["icer"],
    }
    rows: list[dict[str, Any]] = results.table("icer").to_dict("records")  # type: ignore[assignment]
    found = {row["quantity"]: row for row in rows if row["arm"] == "difference"}
    table = Table(
        "pembrolizumab against carboplatin",
        "estimate",
        "95 % interval",
        "planted truth",
        "",
        title=f"Incremental cost-effectiveness within {horizon:g} years, DKK",
    )
    for quantity, true in expected.items():
        form = ",.3f" if quantity == "life-years" else ",.0f"
        estimate, lower, upper = (found[quantity][name] for name in ("estimate", "lower", "upper"))
        # A limit is missing where so little may be gained that the ratio has no bound.
        bounded = not (isnan(lower) or isnan(upper))
        interval = f"{lower:{form}} to {upper:{form}}" if bounded else "unbounded"
        inside = not (true < lower or true > upper)
        verdict = "within" if inside else "outside"
        table.add_row(quantity, format(estimate, form), interval, format(true, form), verdict)
    return table
