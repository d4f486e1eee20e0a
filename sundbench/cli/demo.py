"""``sundbench demo``: the whole way, from register deliveries to a published report, on invented persons."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import typer

from sundbench.cli.screen import progress, screen
from sundbench.cli.walkthroughs import Walkthrough, walkthrough, walkthroughs
from sundbench.errors import SundbenchError
from sundbench.progress import Report
from sundbench.site import Site

STUDY = "drug_cost_effectiveness"
FREEZE = "demo"
RESEARCHER = "anna"
PEOPLE = {
    RESEARCHER: ("Anna Holm", ()),
    "rikke": ("Rikke Friis", ("reviewer",)),
    "jens": ("Jens Lund", ("reviewer",)),
}
"""Invented: a researcher (her role stands in the permit) and two reviewers."""

_MARK = ".sundbench-demo"


def demo(
    ctx: typer.Context,
    persons: Annotated[int, typer.Option(help="Persons to invent.", min=8_000)] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same persons.", min=0)] = 1,
    study: Annotated[str, typer.Option(help=f"One of {', '.join(walkthroughs())}.")] = STUDY,
) -> None:
    """Walk the whole way on invented persons, and compare the result with the truth planted in them.

    Synthesizes a delivery, freezes it, registers a permit, extracts its data, runs a study, has its outputs
    checked and reviewed, and publishes the report. Starts clean each time: what an earlier demo left in the
    same folder is removed.

    Examples: sundbench --home .demo demo; sundbench --home .demo demo --study anticoagulant_safety
    """
    from sundbench.disclosure.check import check
    from sundbench.disclosure.profile import profile
    from sundbench.governance.models import Decision
    from sundbench.registers.synthetic.run import synthesize
    from sundbench.release import content, released, requests, run
    from sundbench.release import report as reports
    from sundbench.release.study import find
    from sundbench.store import extract, freeze
    from sundbench.store.vault import Vault

    started = time.monotonic()
    way = walkthrough(study)
    folder = find(content.analyses(), way.study)
    site = _clean(ctx.obj)

    with _step(1, "invent people and write their registers as a delivery") as report:
        truth = synthesize(site.root / "delivery", persons=persons, seed=seed, report=report)
    with _step(2, "freeze the delivery: validate, pseudonymise, sort, hash") as report:
        assert site.vault_key_file is not None  # noqa: S101 - set by _clean
        Vault.create_key(site.vault_key_file)
        frozen = freeze.create(site, site.root / "delivery", FREEZE, report=report)
    _tell_freeze(frozen.manifest)
    with _step(3, f"register the permit {way.permit} and extract its data") as report:
        _register(site, way, folder.about.permit.registers)
        cut = extract.extract(site, way.permit, FREEZE, report=report)
    screen.print(f"   {cut.manifest['persons']:,} persons in the project's extract")
    with _step(4, f"run the study {way.study}") as report:
        manifest = run.start(site, folder, permit=way.permit, user=RESEARCHER, report=report)
    with _step(5, "check for disclosure, two reviewers, release"):
        findings = check(run.folder_of(site, manifest.run) / "outbox", profile(manifest.policy.profile))
        asked = requests.submit(site, manifest.run, RESEARCHER)
        for reviewer in ("rikke", "jens"):
            requests.vote(site, asked.id, reviewer, Decision.APPROVE, "demo")
        requests.publish(site, asked.id)
    screen.print(f"   {len(manifest.outputs)} files checked, {len(findings)} remarks; release {asked.id}")
    with _step(6, "publish the report") as report:
        page = reports.publish(site, content.reports() / way.study, asked.id, report=report)

    results = released.verified(site, asked.id)
    screen.print(way.beside_truth(results, truth, manifest.parameters))
    screen.print("The truth is what was planted in the invented persons. They say nothing about any patient.")
    screen.print("One 95 % interval in twenty misses by chance: --seed invents other persons.")
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


def _register(site: Site, way: Walkthrough, registers: dict[str, tuple[str, ...]]) -> None:
    """Register the demo's people, and a permit for what the study reads, of the persons it asks about."""
    from sundbench.governance import database, people, permits
    from sundbench.governance.models import Role
    from sundbench.governance.permit import check, parse
    from sundbench.registers.catalogue import catalogue

    today = date.today()  # noqa: DTZ011 - permits expire by the site's own calendar
    text = way.permit_text(registers, RESEARCHER, today)
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
