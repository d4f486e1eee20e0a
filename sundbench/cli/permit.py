"""``sundbench permit``: what approved projects may use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sundbench.cli.screen import listing, screen
from sundbench.site import Site

app = typer.Typer(no_args_is_help=True)


@app.callback()
def permit() -> None:
    """Register, show and close permits: the registers, columns, period and people of a project."""


@app.command()
def create(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The permit's TOML file; docs/permits.md says what is in it.")],
) -> None:
    """Register a permit, or an amendment of one that is registered.

    The same id with another content is an amendment: its changes are listed, and the next extract
    holds them.

    Example: sundbench permit create permits/lung-cancer.toml
    """
    from sundbench.disclosure.profile import profile
    from sundbench.governance import database, people, permits
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Role
    from sundbench.governance.permit import read
    from sundbench.registers.catalogue import catalogue

    new, text = read(file, catalogue())
    profile(new.disclosure)  # one that doesn't exist is refused
    user = people.current_user()
    # Recorded before it holds: what can't be recorded isn't done.
    with recording(ctx.obj, user) as recorder, database.writing(ctx.obj) as session:
        people.require_once_held(session, user, Role.STEWARD)
        known = permits.versions(session, new.id)
        registered, changes = permits.register(session, new, text, user)
        if not known or registered.version != known[-1].version:
            recorder.record(
                Action.PERMIT_AMEND if known else Action.PERMIT_CREATE,
                new.id,
                permit=new.id,
                changes=list(changes),
                version=registered.version,
                digest=registered.digest,
            )
    if not known:
        screen.print(f"permit {new.id} registered, digest {registered.digest[:12]}", markup=False)
    elif registered.version == known[-1].version and not changes:
        screen.print(f"permit {new.id} says the same already: nothing changed", markup=False)
    else:
        screen.print(
            f"permit {new.id} amended: version {registered.version}, digest {registered.digest[:12]}",
            markup=False,
        )
        for line in changes:
            screen.print(f"  {line}", markup=False)
    if registered.standing(permits.today()) == "expired":
        screen.print(f"it expired on {new.expires}, so it gives no extract", markup=False)
    elif changes and (made := _extracts(ctx.obj, new.id)):
        screen.print("its extracts still hold what the permit allowed before; make them anew:")
        for freeze in made:
            screen.print(f"  sundbench extract {new.id} --freeze {freeze}", markup=False, soft_wrap=True)
    else:
        screen.print(f"next: sundbench extract {new.id} --freeze ID", markup=False, soft_wrap=True)


@app.command()
def show(
    ctx: typer.Context,
    permit_id: Annotated[str, typer.Argument(metavar="ID", help="The permit's id.")],
) -> None:
    """Show a permit: its versions, what became of it, and its text.

    Example: sundbench permit show lung-cancer
    """
    from sundbench.governance import database, permits

    with database.reading(ctx.obj) as session:
        registered = permits.current(session, permit_id)
        history = permits.versions(session, permit_id)
    title = registered.permit.title
    screen.print(f"{permit_id}: {title.en} / {title.da}", markup=False)
    why = f" ({registered.closed_why})" if registered.closed_why else ""
    screen.print(
        f"{registered.standing(permits.today())}{why}, expires {registered.permit.expires}", markup=False
    )
    for version in history:
        when = f"{version.registered_at:%Y-%m-%d %H:%M} UTC"
        screen.print(
            f"version {version.version}: {version.digest[:12]}, {version.registered_by}, {when}", markup=False
        )
    screen.print()
    screen.print(registered.text.rstrip(), markup=False, soft_wrap=True)


@app.command("list")
def list_permits(ctx: typer.Context) -> None:
    """List the permits and how each stands today.

    Example: sundbench permit list
    """
    from rich.markup import escape

    from sundbench.governance import database, permits

    with database.reading(ctx.obj) as session:
        all_permits = permits.every(session)
        unreadable = permits.unreadable(session)
    if not all_permits and not unreadable:
        screen.print("no permits yet: sundbench permit create FILE")
        return
    table = listing("permit", "title", "version", "standing", "expires", "registers")
    for registered in all_permits:
        table.add_row(
            registered.permit.id,
            escape(registered.permit.title.en),
            str(registered.version),
            registered.standing(permits.today()),
            str(registered.permit.expires),
            ", ".join(sorted(registered.permit.registers)),
        )
    for permit_id in unreadable:
        table.add_row(permit_id, "can't be read", "", "gives nothing", "", "")
    screen.print(table)
    for what in unreadable.values():
        screen.print(f"{what}; register the permit anew under another id", markup=False, soft_wrap=True)


@app.command()
def close(
    ctx: typer.Context,
    permit_id: Annotated[str, typer.Argument(metavar="ID", help="The permit's id.")],
    why: Annotated[str, typer.Option(help="The reason, kept with the permit.")],
) -> None:
    """Close a permit for good: it gives no extract any more, and what it has on the cluster is ended.

    Example: sundbench permit close lung-cancer --why "the project has ended"
    """
    from sundbench.governance import database, people, permits
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Role
    from sundbench.hub.supervisor import notes, programs
    from sundbench.release.cluster.ending import end_all_of

    user = people.current_user()
    with recording(ctx.obj, user) as recorder, database.writing(ctx.obj) as session:
        people.require_once_held(session, user, Role.STEWARD)
        permits.close(session, permit_id, why, user)
        session.flush()
        recorder.record(Action.PERMIT_CLOSE, permit_id, permit=permit_id, why=why)
    screen.print(f"permit {permit_id} closed", markup=False)
    left = notes.read(ctx.obj)
    up = left is not None and left.running(programs.HUB) is not None
    runs, others = end_all_of(ctx.obj, permit_id, hub=up)
    if runs:
        with recording(ctx.obj, user) as recorder:
            for run in runs:
                recorder.record(Action.RUN_END, run, permit=permit_id, why="permit closed")
    if runs or others:
        screen.print(f"ended on the cluster: of its runs {len(runs)}, of other jobs of its account {others}")
    if _extracts(ctx.obj, permit_id):
        screen.print(
            f"its extracts are still in {ctx.obj.extracts / permit_id}", markup=False, soft_wrap=True
        )


def _extracts(site: Site, permit_id: str) -> list[str]:
    """The freezes of which the permit has an extract."""
    return sorted(path.parent.name for path in (site.extracts / permit_id).glob("[!.]*/extract.json"))
