"""``sundbench backup``: copies of the whole installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sundbench.cli.screen import listing, progress, screen

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Where copies are kept: best another machine's disk.")]
Copy = Annotated[Path, typer.Argument(help="A copy, or the folder of copies: then its newest.")]


@app.callback()
def backup() -> None:
    """Copy the installation while people work, try the copies, bring one back (docs/operators.md)."""


@app.command()
def make(
    ctx: typer.Context,
    folder: Folder,
    keep: Annotated[int, typer.Option(help="So many copies are kept.", min=1)] = 30,
) -> None:
    """Copy files, both databases and the audit log with its anchors; what hasn't changed takes no new room.

    Everything but scratch, jobs' letters and logs, and the vault's key. Run it as root where projects have
    accounts of their own. A copy holds the hub's secrets: keep it as closed as the installation.

    Example: sundbench backup make /backup/sundbench --keep 30
    """
    from sundbench.hub.backup.making import make as made

    with progress("backup") as report:
        copy = made(ctx.obj, folder, keep, report)
    screen.print(f"{copy}", markup=False, soft_wrap=True)


@app.command()
def check(copy: Copy) -> None:
    """Hash every file of a copy again.

    Example: sundbench backup check /backup/sundbench
    """
    from sundbench.hub.backup.copies import newest, require_whole

    found = newest(copy)
    screen.print(f"{found}: whole, {len(require_whole(found).files):,} entries", markup=False, soft_wrap=True)


@app.command()
def drill(
    ctx: typer.Context,
    copy: Copy,
    scratch_database: Annotated[
        str | None,
        typer.Option(
            help="URL, without a password, of a PostgreSQL database that is emptied for it."
            "  \\[default: `drill`, beside governance's]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring a copy back aside, look at everything in it, and remove it: exit 1 where something is wrong.

    Hashes every file, loads both databases, verifies the audit log against its anchors, checks the versions
    of every workspace, and opens the vault where SUNDBENCH_VAULT_KEY_FILE is given. The installation isn't
    touched.

    Example: sundbench backup drill /backup/sundbench
    """
    from sundbench.hub.backup.databases import require_no_password
    from sundbench.hub.backup.drill import drill as tried

    if scratch_database is not None:
        require_no_password(scratch_database)
    with progress("drill") as report:
        steps = tried(ctx.obj, copy, scratch_database, report)
    table = listing("", "what", "found")
    for step in steps:
        table.add_row(
            "[green]well[/green]" if step.well else "[bold red]lost[/bold red]", step.what, step.said
        )
    screen.print(table)
    if not all(step.well for step in steps):
        raise typer.Exit(1)


@app.command()
def restore(ctx: typer.Context, copy: Copy) -> None:
    """Bring the installation back from a copy, where there is none; nothing is overwritten.

    The home's folder, the anchors' and both databases must be empty. Run it as root: then owners come back.

    Example: sundbench backup restore /backup/sundbench/20261122T023000Z
    """
    from sundbench.hub.backup.copies import newest
    from sundbench.hub.backup.restoring import restore as restored

    found = newest(copy)
    with progress("restore") as report:
        what = restored(ctx.obj, found, report)
    screen.print(
        f"{ctx.obj.root}: as it was at {found.name}, of {what.home}: sundbench hub check, then start the hub",
        markup=False, soft_wrap=True,
    )  # fmt: skip
