"""``sundbench hub``: start, stop and look after the hub of an installation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from sundbench.cli.hub_cluster import cluster
from sundbench.cli.hub_demonstration import demonstration
from sundbench.cli.screen import errors, listing, screen

if TYPE_CHECKING:
    from rich.table import Table

    from sundbench.hub.checks.finding import Finding
    from sundbench.site import Site

app = typer.Typer(no_args_is_help=True)
app.command()(cluster)
app.command()(demonstration)


@app.callback()
def hub() -> None:
    """Run the JupyterHub of this installation, where people work in its projects.

    docs/operators.md is the guide. To try it on invented persons: make hub.
    """


@app.command()
def start(
    ctx: typer.Context,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay here until stopped: for systemd and its like.")
    ] = False,
) -> None:
    """Start the audit writer and the hub, and keep them up; what is up already is left alone.

    Refuses with the first error that `sundbench hub check` finds.

    Example: sundbench hub start
    """
    from sundbench.hub import check as checking
    from sundbench.hub.supervisor import control, loop

    if foreground:
        checking.refuse(checking.check(ctx.obj, thorough=False))
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        loop.supervise(ctx.obj)
        return
    with screen.status("starting the hub"):
        notes = control.start(ctx.obj)
    screen.print(f"the hub is up: {notes.url}", markup=False, soft_wrap=True)


@app.command()
def stop(
    ctx: typer.Context,
    leave_servers: Annotated[
        bool, typer.Option("--leave-servers", help="Project servers go on; the next start finds them again.")
    ] = False,
) -> None:
    """Stop the project servers, the hub and all that belongs to it, in order.

    Notebooks are kept; what was only in a kernel's memory is lost. Works too where the supervisor was killed.
    With --leave-servers people go on computing while the hub is away, for a new version or a new secret:
    what they run in the meantime waits until the audit log's writer is back.

    Example: sundbench hub stop --leave-servers
    """
    from sundbench.hub.supervisor import control

    if leave_servers:
        with screen.status("stopping the hub"):
            ran = control.leave(ctx.obj)
        screen.print("the hub is stopped; project servers go on" if ran else "no hub was up")
        return

    with screen.status("stopping the servers and the hub"):
        ran = control.stop(ctx.obj, lambda line: errors.print(line, markup=False))
    screen.print("the hub is stopped" if ran else "no hub was up")


@app.command()
def status(ctx: typer.Context) -> None:
    """Say what runs: exit 0 where the hub is up, 1 where it isn't.

    Example: sundbench hub status
    """
    from sundbench.hub.supervisor import control

    found = control.status(ctx.obj)
    table = listing("what", "state", "process", "restarts", numbers=("process", "restarts"))
    for line in found.lines:
        table.add_row(
            line.name, line.state, str(line.pid or ""), "" if line.restarts is None else str(line.restarts)
        )
    screen.print(table)
    screen.print(f"{found.servers} project servers")
    screen.print(found.said, markup=False, soft_wrap=True)
    if not found.up:
        raise typer.Exit(1)


@app.command()
def check(ctx: typer.Context) -> None:
    """Say what is missing or unsafe, before anything starts: exit 1 where there is an error.

    Really makes a sandbox; says which limits are hard here and which soft; looks at ports, secrets, database,
    kernels, R, audit log, vault key and disk; with servers as Slurm's jobs at Slurm, its partition, the gate
    and each project's account.

    Example: sundbench hub check
    """
    from sundbench.hub import check as checking

    findings = checking.check(ctx.obj)
    screen.print(_findings(findings))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def password(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="A registered person: sundbench people list.")],
    generate: Annotated[bool, typer.Option("--generate", help="Draw one and print it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away: no more logging in.")] = False,
) -> None:
    """Set the password that a person logs in with, where there is no identity provider.

    Asks for it twice. It holds from the next log-in on.

    Example: sundbench hub password anna --generate
    """
    from sundbench.errors import HubError
    from sundbench.governance import database, people
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.hub import passwords

    if generate and remove:
        raise typer.BadParameter("give one of --generate and --remove")
    site: Site = ctx.obj
    if remove:
        with recording(site, people.current_user()) as recorder:
            recorder.record(Action.PASSWORD_CHANGE, user, removed=True)
            passwords.remove(site, user)
        screen.print(f"{user} has no password any more", markup=False)
        return
    with database.reading(site) as session:
        known = {person.user for person in people.everyone(session)}
    if user not in known:
        raise HubError(f"{user} is not registered: sundbench people add {user} --name ...")
    chosen = (
        passwords.generate()
        if generate
        else typer.prompt("password", hide_input=True, confirmation_prompt=True)
    )
    passwords.require_long_enough(chosen)
    # Recorded before it holds: what can't be recorded isn't done.
    with recording(site, people.current_user()) as recorder:
        recorder.record(Action.PASSWORD_CHANGE, user)
        passwords.put(site, user, chosen)
    screen.print(f"{user}: {chosen}" if generate else f"{user}: set", markup=False)


@app.command()
def accounts(
    ctx: typer.Context,
    set_up: Annotated[
        bool,
        typer.Option(
            "--set-up", help="As root: make those that are missing here, and give them their folders."
        ),
    ] = False,
) -> None:
    """Show the Unix account under which a cluster runs each project's jobs, and set them up.

    A site with a directory of its own (LDAP) makes the accounts that are listed there, without log-in, each
    with a group of its own, before it runs this with --set-up. Run it again after each new permit or extract.

    Example: sundbench hub accounts --set-up
    """
    from sundbench.governance import database, people, permits
    from sundbench.hub.slurm.setting_up import set_up as make
    from sundbench.slurm import accounts as of

    site: Site = ctx.obj
    if set_up:
        make(site, people.current_user())
    with database.reading(site) as session:
        active = permits.active(session, permits.today())
    table = listing("project", "account", "number", "state", numbers=("number",))
    for permit in active:
        there = of.known(permit)
        state = "set up" if permit in of.noted(site) else "not set up"
        table.add_row(permit, of.name_of(permit), str(there.uid) if there else "", state)
    screen.print(table)


@app.command()
def identity(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="The name that governance knows the person by.")],
    subject: Annotated[
        str | None, typer.Option("--subject", help="Bind the name to this account of the provider's (sub).")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Release it: the next account to log in with it is bound.")
    ] = False,
) -> None:
    """Say which account of the identity provider's a name belongs to, or change it.

    A person's first log-in binds them, unless `oidc.bind_first` is false. Somebody whose account was made
    anew has another one, and is refused until it is bound here.

    Example: sundbench hub identity anna --subject 8d2c4c4e-7b1f-4a53-9c0e-3f0a64b7d5aa
    """
    from sundbench.errors import HubError
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.hub import rights, settings
    from sundbench.hub.oidc import bindings

    if remove and subject is not None:
        raise typer.BadParameter("give one of --subject and --remove")
    site: Site = ctx.obj
    if remove or subject is not None:
        issuer = settings.read(site).oidc.issuer
        if not issuer:
            raise HubError("people log in by passwords here: name a provider in [oidc] of the settings first")
        if subject is not None and not rights.standing(site).knows(user):
            raise HubError(
                f"{user} is neither registered nor in any permit: sundbench people add {user} --name ..."
            )
        with recording(site, current_user()) as recorder:
            recorder.record(Action.IDENTITY_CHANGE, user, subject=subject)
            if subject is None:
                bindings.release(site, user)
            else:
                bindings.bind(site, user, issuer, subject)
    found = bindings.account(site, user)
    said = "belongs to no account yet" if found is None else f"belongs to {found[1]} at {found[0]}"
    screen.print(f"{user} {said}", markup=False, soft_wrap=True)


def _findings(findings: list[Finding]) -> Table:
    colours = {"error": "[bold red]error[/bold red]", "warning": "[yellow]warning[/yellow]", "note": "note"}
    table = listing("", "what was found")
    for finding in findings:
        mend = f"\n[dim]→ {escape(finding.do)}[/dim]" if finding.do else ""
        table.add_row(colours[finding.level], escape(finding.what) + mend)
    return table
