"""``sundbench people``: who works here, and in which roles."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sundbench.cli.screen import listing, screen

app = typer.Typer(no_args_is_help=True)


@app.callback()
def people() -> None:
    """Register the people of the installation and their roles on the whole site.

    Roles within one project stand in its permit (docs/permits.md). Once there is a steward or an
    administrator, only they may add people and change roles.
    """


@app.command()
def add(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="User name: lower case letters, digits, dots and hyphens.")],
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[
        list[str] | None,
        typer.Option(help="researcher, analyst, reviewer, steward, policymaker or admin; may be repeated."),
    ] = None,
) -> None:
    """Add a person, or set the name and roles of one who is there.

    Example: sundbench people add rikke --name "Rikke Friis" --role reviewer
    """
    from sundbench.governance import database
    from sundbench.governance import people as register
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Role

    known = [one.value for one in Role]
    for given in role or []:
        if given not in known:
            raise typer.BadParameter(f"{given}: give one of {', '.join(known)}", param_hint="--role")
    # Recorded before it holds: what can't be recorded isn't done.
    user_now = register.current_user()
    with recording(ctx.obj, user_now) as recorder, database.writing(ctx.obj) as session:
        register.require_once_held(session, user_now, Role.STEWARD, Role.ADMIN)
        register.add(session, user, name, [Role(given) for given in role or []])
        session.flush()
        recorder.record(Action.PEOPLE_CHANGE, user, name=name, roles=sorted(role or []))
    screen.print(f"{user}: {', '.join(sorted(role or [])) or 'no role on the whole site'}", markup=False)


@app.command("list")
def list_people(ctx: typer.Context) -> None:
    """List everyone and their roles on the whole site.

    Example: sundbench people list
    """
    from sundbench.governance import database
    from sundbench.governance import people as register

    table = listing("user", "name", "roles")
    with database.reading(ctx.obj) as session:
        for person in register.everyone(session):
            table.add_row(
                person.user, escape(person.name), ", ".join(sorted(role.value for role in person.roles))
            )
    screen.print(table)
