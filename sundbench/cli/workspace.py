"""``sundbench workspace``: the notebooks of projects: their versions, copies, and what becomes of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sundbench.cli.screen import listing, screen

if TYPE_CHECKING:
    from sundbench.site import Site

app = typer.Typer(no_args_is_help=True)

Permit = Annotated[str, typer.Argument(help="The project: sundbench permit list.")]


@app.callback()
def workspace() -> None:
    """Look after the notebooks that projects' members share (docs/operators.md)."""


def _site(ctx: typer.Context) -> Site:
    """The installation, if this process may look after its workspaces.

    Raises:
        HubError: on a cluster they are their projects' accounts', and only root may.
    """
    from sundbench.errors import HubError
    from sundbench.slurm.accounts import noted

    site: Site = ctx.obj
    if os.geteuid() != 0 and noted(site):
        raise HubError("workspaces are their projects' accounts' here: run sundbench workspace as root")
    return site


@app.command("list")
def list_workspaces(ctx: typer.Context) -> None:
    """List workspaces: size against the quota, scratch and outboxes, versions, copies, the end.

    Example: sundbench workspace list
    """
    from sundbench.errors import ClusterError, HubError
    from sundbench.governance import database, permits
    from sundbench.hub.settings import read
    from sundbench.hub.workspaces.as_account import versions
    from sundbench.hub.workspaces.backup import backups
    from sundbench.hub.workspaces.fate import ended
    from sundbench.sandbox.usage import disk

    site = _site(ctx)
    chosen = read(site).workspace
    table = listing(
        "project",
        "MiB",
        "of",
        "scratch",
        "outboxes",
        "last version",
        "copies",
        "deleted on",
        numbers=("MiB", "of", "scratch", "outboxes", "copies"),
    )
    with database.reading(site) as session:
        known = [one.permit.id for one in permits.every(session)]
    for permit in known:
        try:
            last = "".join(f"{one.moment:%Y-%m-%d %H:%M}" for one in versions(site, permit, most=1))
        except (ClusterError, HubError):  # one project's must not end the list
            last = "can't be read"
        end = ended(site, permit)
        sizes = [disk(root / permit) for root in (site.workspaces, site.scratch, site.outboxes)]
        table.add_row(
            permit,
            f"{sizes[0] / 2**20:.1f}",
            f"{chosen.quota / 2**20:.0f}",
            *(f"{size / 2**20:.1f}" for size in sizes[1:]),
            last,
            str(len(backups(chosen.backup, permit))) if chosen.backup else "",
            str(end.until(chosen.keep_days)) if end else "",
        )
    screen.print(table)


@app.command()
def versions(
    ctx: typer.Context,
    permit: Permit,
    path: Annotated[str, typer.Argument(help="A file or folder of the workspace; all where left out.")] = "",
    most: Annotated[int, typer.Option(min=1, help="How many.")] = 30,
) -> None:
    """List who changed what, newest first.

    Example: sundbench workspace versions lung-cancer shared/cohort.py
    """
    from rich.markup import escape

    from sundbench.hub.workspaces.as_account import versions as recorded

    table = listing("version", "when (UTC)", "who", "what")
    for one in recorded(_site(ctx), permit, path, most):
        told = (one.id[:12], f"{one.moment:%Y-%m-%d %H:%M:%S}", one.by, one.what)
        table.add_row(*map(escape, told))
    screen.print(table)


@app.command()
def revert(
    ctx: typer.Context,
    permit: Permit,
    path: Annotated[str, typer.Argument(help="A file of the workspace.")],
    version: Annotated[str, typer.Argument(help="From sundbench workspace versions.")],
    to: Annotated[str | None, typer.Option(help="Write it to this path instead.")] = None,
) -> None:
    """Have a file back as it was; what it is now stays among its versions.

    Example: sundbench workspace revert lung-cancer shared/cohort.py 3f2a91c07d11
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.hub.workspaces.as_account import do
    from sundbench.hub.workspaces.errands import Find, Revert

    site, user = _site(ctx), current_user()
    do(site, Find(permit=permit, path=path, version=version))  # before anything is recorded
    with recording(site, user) as recorder:
        recorder.record(Action.WORKSPACE_RESTORE, to or path, permit=permit, version=version)
    do(site, Revert(permit=permit, path=path, version=version, by=user, to=to))
    screen.print(f"{to or path} is as in version {version}", markup=False)


@app.command("backup")
def back_up(
    ctx: typer.Context,
    permit: Annotated[list[str] | None, typer.Argument(help="Projects; all where none is named.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="A folder instead of the one in settings.toml.", file_okay=False)
    ] = None,
) -> None:
    """Copy workspaces with all of their versions: one file each, read back before it counts.

    The hub does it each day where `workspace.backup` is set. `workspace.backups` of them are kept.

    Example: sundbench workspace backup --to /backup/workspaces
    """
    from sundbench.errors import ClusterError, HubError
    from sundbench.governance import database, permits
    from sundbench.hub.settings import read
    from sundbench.hub.workspaces.backup import backup

    site = _site(ctx)
    chosen = read(site).workspace
    folder = to or chosen.backup
    if folder is None:
        raise HubError("no folder for copies: give one with --to, or set [workspace] backup in settings.toml")
    with database.reading(site) as session:
        wanted = [permits.current(session, one).permit.id for one in permit or []]
        wanted = wanted or [one.permit.id for one in permits.every(session)]
    failed = []
    for one in wanted:
        try:
            made = backup(site, one, folder, chosen.backups)
        except (ClusterError, HubError) as error:
            failed.append(f"{one}: {error}")
        else:
            screen.print(f"{one}: {made or 'nothing to copy yet'}", markup=False, soft_wrap=True)
    if failed:
        raise HubError("; ".join(failed))


@app.command()
def restore(
    ctx: typer.Context,
    permit: Permit,
    copy: Annotated[Path, typer.Argument(help="A file that backup made.", exists=True, dir_okay=False)],
) -> None:
    """Bring back a lost workspace with its versions. Files that are there stay, as its newest version.

    Example: sundbench workspace restore lung-cancer /backup/lung-cancer/lung-cancer-20261122T031500Z.bundle
    """
    from sundbench.governance import database, permits
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.hub.workspaces import backup

    with database.reading(_site(ctx)) as session:
        permits.current(session, permit)
    with recording(_site(ctx), current_user()) as recorder:
        recorder.record(Action.WORKSPACE_RESTORE, permit, permit=permit, copy=copy.name)
    written = backup.restore(_site(ctx), permit, copy)
    screen.print(f"{permit}: {written} files and their versions are back", markup=False)


@app.command()
def close(ctx: typer.Context) -> None:
    """Close the workspaces of permits that have ended: read-only from now on, scratch deleted at once.

    The hub does it by itself; this is for when it is stopped, and for root on a cluster whose hub isn't root.
    Extended permits get their workspaces back.

    Example: sundbench workspace close
    """
    _steps(_site(ctx), {"close", "reopen"})


@app.command()
def purge(ctx: typer.Context) -> None:
    """Delete workspaces that were kept for their time, with versions, outboxes and copies.

    The time is `workspace.keep_days` in settings.toml. The hub does it by itself; this is for when it is
    stopped, and for root on a cluster whose hub isn't root.

    Example: sundbench workspace purge
    """
    _steps(_site(ctx), {"delete"})


@app.command()
def read(
    ctx: typer.Context,
    permit: Permit,
    folder: Annotated[Path, typer.Argument(help="Made here: the files are copied to it.")],
) -> None:
    """Copy a workspace's files for its steward to read, also after the permit's end. It is recorded.

    Example: sundbench workspace read lung-cancer ./lung-cancer-notebooks
    """
    from sundbench.errors import HubError
    from sundbench.governance import database, people, permits
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Role
    from sundbench.hub.workspaces.history import history

    site = _site(ctx)
    user = people.current_user()
    with database.reading(site) as session:
        permits.current(session, permit)
        people.require_once_held(session, user, Role.STEWARD)
    if folder.exists():
        raise HubError(f"{folder} is there already: name a folder that is not")
    with recording(site, user) as recorder:
        recorder.record(Action.WORKSPACE_READ, permit, permit=permit)
    written = history(site, permit).copy_out(folder)
    screen.print(f"{written} files in {folder}", markup=False)


def _steps(site: Site, wanted: set[str]) -> None:
    from sundbench.errors import ClusterError, HubError
    from sundbench.governance import database, permits
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.hub.settings import read as settings
    from sundbench.hub.supervisor import table
    from sundbench.hub.workspaces.fate import ACTIONS, due

    if table.jobs(site):
        raise HubError("project servers are up: the hub closes and deletes by itself, or stop it first")
    chosen = settings(site).workspace
    with database.reading(site) as session:
        steps = due(site, permits.every(session), permits.today(), chosen.keep_days)
    steps = [step for step in steps if step.what in wanted]
    failed = []
    for step in steps:
        with recording(site, current_user()) as recorder:
            recorder.record(ACTIONS[step.what], step.permit, permit=step.permit, why=step.why)
        try:
            step.take(site, permits.today(), chosen.backup)
        except (ClusterError, HubError) as error:  # the other projects' are due all the same
            failed.append(f"{step.permit}: {error}")
        else:
            screen.print(f"{step.permit}: {step.what} ({step.why})", markup=False)
    if failed:
        raise HubError("; ".join(failed))
    if not steps:
        screen.print("nothing is due")
