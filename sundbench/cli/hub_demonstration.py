"""``sundbench hub demonstration``: the whole platform on this machine, with invented persons."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from sundbench.cli.screen import errors, listing, screen

if TYPE_CHECKING:
    from rich.table import Table

    from sundbench.hub.demonstration_people import Account
    from sundbench.site import Site
    from sundbench.slurm.small.cluster import SmallSlurm


def demonstration(
    ctx: typer.Context,
    on: Annotated[
        Literal["slurm"] | None,
        typer.Option(help="Make a small Slurm cluster too, and run each project's server as its job."),
    ] = None,
) -> None:
    """Make an installation of invented persons and people of every role, start its hub, print who can log in.

    What is there already is kept: the second time only the hub is started. Every person in it is invented,
    and all of it runs under one account: it shows how Sundbench works, and protects nothing.

    With --on slurm, as root: a small cluster on this machine (sundbench hub cluster), an account without
    log-in for each project, and the hub on top, until Ctrl-C. Use another folder than for the other kind.

    Examples:
      sundbench --home .hub hub demonstration
      sundbench --home .cluster hub demonstration --on slurm
    """
    if on is None:
        _start(ctx.obj)
        screen.print("make hub-stop stops it.")
        return
    from sundbench.errors import HubError
    from sundbench.slurm.small.cluster import NoSlurmError, running

    # Who is asked to end stops hub and cluster as who is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        starting = errors.status("starting a small Slurm cluster")
        with alone(ctx.obj), starting as doing, running(2, 4, 8000) as slurm:
            doing.stop()
            _on_cluster(ctx.obj, slurm)
    except NoSlurmError as error:
        raise HubError(str(error)) from error


@contextmanager
def alone(site: Site) -> Iterator[None]:
    """Be the only command that runs this demonstration on a cluster, and end what a killed one left of it.

    Raises:
        HubError: another one is at work, or the hub that was left doesn't end.
    """
    from sundbench.errors import HubError
    from sundbench.hub.supervisor import control

    site.root.mkdir(parents=True, exist_ok=True)
    lock = os.open(site.root, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise HubError(
            f"the demonstration in {site.root} runs already: stop it with Ctrl-C where it was started"
        ) from None
    try:
        # Its cluster ended with it, and every job there; the hub would go on asking that cluster.
        if control.leave(site):
            errors.print("stopped the hub that a killed command had left")
        yield
    finally:
        os.close(lock)


def _on_cluster(site: Site, slurm: SmallSlurm) -> None:
    """Run the demonstration on a cluster until somebody interrupts it."""
    from sundbench.hub.supervisor import control

    os.environ.update(slurm.environment)  # for the hub, which asks Slurm
    try:
        _start(site, slurm)
        screen.print("\nEach server is a job of the cluster. To watch it, in another window:")
        for name, value in slurm.environment.items():
            screen.print(f"  export {name}={escape(value)}", soft_wrap=True)
        screen.print("  watch squeue\n\nCtrl-C stops the hub, the cluster and every job on it.")
        signal.pause()
    except KeyboardInterrupt:
        screen.print("stopping")
    finally:
        control.stop(site, lambda line: errors.print(line, markup=False))
    screen.print("the hub and the cluster are stopped; the projects' accounts (sb-...) stay on this machine")


def _start(site: Site, slurm: SmallSlurm | None = None) -> None:
    from sundbench.hub import demonstration as demo
    from sundbench.hub.supervisor import control

    with errors.status("preparing the demonstration") as doing:

        def say(line: str) -> None:
            errors.print(line, markup=False)
            doing.update(line)

        own, people = demo.prepare(site, say, slurm)
        say("starting the hub")
        notes = control.start(own)
    screen.print(_people(people))
    screen.print(
        f"\nOpen [bold]{escape(notes.url)}[/bold] and log in as one of them. All data are invented.",
        soft_wrap=True,
    )


def _people(people: list[Account]) -> Table:
    table = listing("user", "password", "name", "can")
    for one in people:
        table.add_row(one.user, one.password, escape(one.name), escape(one.can))
    return table
