"""What `sundbench run` says of a run: that it has begun, what it made, how it compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sundbench.cli.screen import screen

if TYPE_CHECKING:
    from sundbench.release.cluster.letter import Ticket
    from sundbench.release.manifest import Manifest
    from sundbench.release.reproduce import Reproduction
    from sundbench.site import Site


def tell_begun(ticket: Ticket) -> None:
    """Say that a run is on its way on the cluster."""
    screen.print(f"run {ticket.order.run} is job {ticket.job} of the cluster", soft_wrap=True)


def tell_made(site: Site, actor: str, made: Manifest | Reproduction) -> None:
    """Record a run's end, and say what it made and whether that could be released.

    Args:
        site: the installation.
        actor: who ordered it.
        made: the run; or what came of running one again.

    Raises:
        typer.Exit: as `tell_compared`.
    """
    from sundbench.release.reproduce import Reproduction

    if isinstance(made, Reproduction):
        tell_compared(made)
        return
    from sundbench.disclosure.check import check
    from sundbench.disclosure.profile import profile
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.release.run import folder_of

    with recording(site, actor) as recorder:
        recorder.record(Action.RUN_END, made.run, permit=made.permit, extract=made.extract_digest)
    outbox = folder_of(site, made.run) / "outbox"
    names = sorted(name for name in made.outputs if not name.endswith(".json"))
    screen.print(f"run {made.run}: {len(names)} outputs in {outbox}", soft_wrap=True)
    findings = check(outbox, profile(made.policy.profile))
    for finding in findings:
        screen.print(finding.line, soft_wrap=True, markup=False)
    stopping = sum(finding.blocks for finding in findings)
    if stopping:
        screen.print(
            f"disclosure check: {stopping} findings would stop a release (profile {made.policy.profile})"
        )
    else:
        screen.print(f"disclosure check: passed; next: sundbench release submit {made.run}", soft_wrap=True)


def tell_compared(result: Reproduction) -> None:
    """Say what came of running a run again.

    Raises:
        typer.Exit: outputs differ; exit code 1.
    """
    for line in result.surroundings:
        screen.print(f"surroundings: {line}", soft_wrap=True, markup=False)
    for line in result.differences:
        screen.print(f"differs: {line}", soft_wrap=True, markup=False)
    if result.differences:
        raise typer.Exit(1)
    screen.print(
        f"run {result.run}: all {result.compared} outputs are the same to the last bit", soft_wrap=True
    )
