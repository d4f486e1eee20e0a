"""``sundbench run list`` and ``show``: the runs of an installation."""

from __future__ import annotations

from typing import Annotated

import typer

from sundbench.cli.screen import listing, screen


def list_runs(ctx: typer.Context) -> None:
    """List the runs of this installation, oldest first, those that failed, and those on the cluster.

    Example: sundbench run list
    """
    from rich.markup import escape

    from sundbench.release import manifest
    from sundbench.release.cluster import awaiting
    from sundbench.release.run import failed, folder_of, runs

    table = listing("run", "permit", "by", "stands")
    for name in runs(ctx.obj):
        made = manifest.read(ctx.obj, folder_of(ctx.obj, name))
        seconds = (made.finished - made.started).total_seconds()
        table.add_row(name, made.permit, made.user, f"kept, {seconds:.0f} s")
    for name in failed(ctx.obj):
        table.add_row(name, "", "", "[red]failed[/red]")
    for name in awaiting.going(ctx.obj):
        ticket = awaiting.ticket_of(ctx.obj, name)
        order = ticket.order
        table.add_row(name, order.permit, order.user, escape(awaiting.standing(ctx.obj, ticket)))
    screen.print(table)


def show(ctx: typer.Context, run: Annotated[str, typer.Argument(help="The run.")]) -> None:
    """Show a run: its parameters, what it ran on, its outputs. Checks signature and digests.

    Example: sundbench run show drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.release import manifest
    from sundbench.release.run import folder_of

    folder = folder_of(ctx.obj, run)
    made = manifest.read(ctx.obj, folder)
    manifest.check_outputs(made, folder / "outbox")
    screen.print_json(made.model_dump_json())
