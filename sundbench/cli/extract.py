"""``sundbench extract``: a permit's copy of a freeze."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sundbench.cli.screen import listing, progress, screen
from sundbench.site import Site

if TYPE_CHECKING:
    from rich.table import Table


def extract(
    ctx: typer.Context,
    permit: Annotated[str, typer.Argument(help="The permit's id.")],
    *,
    freeze: Annotated[str | None, typer.Option(help="The freeze to extract from.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Make it anew even if it is up to date.")] = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Of invented persons instead: needs no freeze and no key.")
    ] = False,
    persons: Annotated[int, typer.Option(help="With --synthetic: how many, at least.", min=1)] = 3_000,
    seed: Annotated[int, typer.Option(help="With --synthetic: the same seed, the same rows.", min=0)] = 1,
) -> None:
    """Make a permit's extract of a freeze: its columns, rows and people only, under its own pseudonyms.

    An extract that is up to date is left as it is. After an amendment, or when somebody has opted out, the
    same command makes a new one in its place and shows what it adds and drops.

    Needs the vault's key: SUNDBENCH_VAULT_KEY_FILE.

    With --synthetic it makes what the project's synthetic-data kernel shows: the same registers and columns,
    drawn from the permit and the catalogue, never from anybody's rows; people in every arm of every study
    that the permit allows.

    Example: sundbench extract lung-cancer --freeze 2026-01

    Example: sundbench extract lung-cancer --synthetic
    """
    if synthetic:
        if freeze is not None:
            raise typer.BadParameter("--synthetic reads no freeze: leave out --freeze")
        _synthetic(ctx.obj, permit, persons, seed)
        return
    if freeze is None:
        raise typer.BadParameter("say which freeze: --freeze ID (or --synthetic for invented persons)")
    from rich.markup import escape

    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.store import extract as store

    user = current_user()
    # Begun and done are recorded apart: an extract takes long, and nobody else should wait for the log.
    with recording(ctx.obj, user) as recorder:
        recorder.record(Action.EXTRACT_START, f"{permit}/{freeze}", permit=permit)
    with progress("extract") as report:
        made = store.extract(ctx.obj, permit, freeze, again=again, report=report)
    manifest = made.manifest
    if not made.made:
        screen.print(f"up to date: {made.path} (--again makes it anew)", markup=False, soft_wrap=True)
        return
    with recording(ctx.obj, user) as recorder:
        told = {name: manifest[name] for name in ("permit_digest", "persons", "left_out")}
        recorder.record(
            Action.EXTRACT_MAKE, f"{permit}/{freeze}", permit=permit, extract=manifest["digest"], **told
        )
    table = listing("register", "columns", "rows", "from", "to", numbers=("rows",))
    for name, register in manifest["registers"].items():
        coverage = register["coverage"]
        columns = ", ".join(column for column in register["columns"] if column != "person")
        table.add_row(
            name, columns, f"{register['rows']:,}", coverage["since"] or "-", coverage["until"] or "-"
        )
    screen.print(table)
    screen.print(f"{manifest['persons']:,} persons in {manifest['buckets']} buckets")
    for reason, count in manifest["left_out"].items():
        if count:
            screen.print(f"left out: {count:,} {reason.replace('_', ' ')}")
    for name, columns in manifest["absent"].items():
        screen.print(f"not in the freeze: {name}: {', '.join(columns)}", markup=False)
    if made.difference is not None:
        screen.print(_changes(made.difference))
    screen.print(f"[bold]{escape(str(made.path))}[/bold]", soft_wrap=True)
    screen.print(
        f"next: sundbench run STUDY --permit {permit}; sundbench study list shows the studies", soft_wrap=True
    )


def _synthetic(site: Site, permit: str, persons: int, seed: int) -> None:
    from sundbench.release.synthetic_extract import synthetic_extract

    with progress("synthetic extract") as report:
        made = synthetic_extract(site, permit, persons=persons, seed=seed, report=report)
    if not made.made:
        screen.print(f"up to date: {made.path}", markup=False, soft_wrap=True)
        return
    rows = sum(register["rows"] for register in made.manifest["registers"].values())
    registers = len(made.manifest["registers"])
    screen.print(f"{made.manifest['persons']:,} invented persons, {rows:,} rows in {registers} registers")
    if made.studies:
        screen.print(f"people in every arm of: {', '.join(made.studies)}", markup=False, soft_wrap=True)
    screen.print(str(made.path), markup=False, soft_wrap=True)


def _changes(difference: Mapping[str, Any]) -> Table:
    """What the new extract adds to and drops from the one it replaced."""
    numbers = ("rows added", "rows dropped")
    table = listing("against the extract before", "columns", *numbers, numbers=numbers)
    for name, register in difference["registers"].items():
        columns = [f"+{column}" for column in register["columns_added"]]
        columns += [f"-{column}" for column in register["columns_dropped"]]
        row = (f"{register['rows_added']:,}", f"{register['rows_dropped']:,}")
        table.add_row(name, " ".join(columns) or "same", *row)
    table.add_row("persons", "", f"{difference['persons_added']:,}", f"{difference['persons_dropped']:,}")
    return table
