"""``sundbench database``: schemas of new versions, and the move to PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from sundbench.cli.screen import screen

app = typer.Typer(no_args_is_help=True)


@app.callback()
def database() -> None:
    """Bring the databases of people and of the hub to a new version, or to PostgreSQL (docs/operators.md)."""


@app.command()
def upgrade(ctx: typer.Context) -> None:
    """Bring both databases to this version's schema; does nothing where they have it.

    With the hub stopped. Interrupted, it leaves them as they were.

    Example: sundbench hub stop --leave-servers && sundbench database upgrade
    """
    from sundbench.hub import schema

    schema.upgrade(ctx.obj, lambda line: screen.print(line, markup=False, soft_wrap=True))


@app.command()
def move(
    ctx: typer.Context,
    governance: Annotated[
        str | None, typer.Option(help="An empty PostgreSQL database for people, permits and releases.")
    ] = None,
    hub: Annotated[str | None, typer.Option(help="An empty PostgreSQL database for the hub's own.")] = None,
) -> None:
    """Copy the databases to PostgreSQL, with the hub stopped; the old ones stay as they are.

    Servers that run are found again, and people stay logged in. A password stands in libpq's password file,
    ...?passfile=FILE or PGPASSFILE, not in these URLs: others can read a command's arguments.

    Example: sundbench database move --governance postgresql://sundbench@db.example.dk/governance
    """
    from sundbench.hub import schema
    from sundbench.hub.backup.databases import require_no_password

    if governance is None and hub is None:
        raise typer.BadParameter("say which: --governance, --hub or both")
    for url in (governance, hub):
        if url is not None:
            require_no_password(url)
    schema.move(ctx.obj, governance, hub, lambda line: screen.print(line, markup=False, soft_wrap=True))
    screen.print(
        "now set SUNDBENCH_DATABASE, and database.hub in settings.toml, and start the hub", soft_wrap=True
    )
