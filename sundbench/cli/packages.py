"""``sundbench packages``: what kernels have, and what members have asked for."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sundbench.cli.screen import listing, screen

app = typer.Typer(no_args_is_help=True)


@app.callback()
def packages() -> None:
    """Show the curated environment of the kernels, and members' requests for more.

    Kernels have no network: a member asks in JupyterLab (Sundbench → Packages), the operator installs.
    """


@app.command("list")
def list_packages(
    part: Annotated[str, typer.Argument(help="Only names with this in them.")] = "",
) -> None:
    """List packages with their versions, for Python and R.

    Example: sundbench packages list polars
    """
    from sundbench.hub.workspaces import packages as installed

    table = listing("language", "package", "version")
    for one in installed.packages():
        if part.lower() in one.name.lower():
            table.add_row(one.language, one.name, one.version)
    screen.print(table)


@app.command()
def requests(ctx: typer.Context) -> None:
    """List what members have asked for, oldest first, and whether it is installed by now.

    Requests are records of the audit log. To answer one, install the package into the hub's environment.

    Example: sundbench packages requests
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.places import readable
    from sundbench.governance.audit.reading import Filter, read
    from sundbench.hub.workspaces import packages as installed

    there = {(one.language, installed.normal(one.name)): one.version for one in installed.packages()}
    table = listing("when (UTC)", "who", "project", "package", "installed", "what for")
    with readable(ctx.obj):
        for record in read(ctx.obj, Filter(action=Action.PACKAGE_REQUEST)):
            language = str(record.detail.get("language"))
            table.add_row(
                str(record.time)[:16],
                record.actor,
                record.permit or "",
                escape(f"{record.object} ({language})"),
                there.get((language, installed.normal(record.object)), "no"),
                escape(str(record.detail.get("why"))),
            )
    screen.print(table)
