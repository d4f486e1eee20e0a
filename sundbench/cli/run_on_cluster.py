"""What `sundbench run` has for runs on a cluster: their options, and waiting for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sundbench.cli.screen import errors, progress, screen

if TYPE_CHECKING:
    from sundbench.hub.slurm.settings import RunSettings
    from sundbench.release.cluster.letter import Resources
    from sundbench.release.manifest import Manifest
    from sundbench.release.reproduce import Reproduction
    from sundbench.site import Site

OPTIONS = ("workers", "cores", "memory", "hours")
_MOST = "  \\[default: all that the site gives]"
Workers = Annotated[
    int, typer.Option(help="With --on slurm: jobs over which it spreads its work.", min=0, max=200)
]
Cores = Annotated[int | None, typer.Option(help=f"With --on slurm: of each job.{_MOST}", min=1)]
Memory = Annotated[str | None, typer.Option(help=f"With --on slurm: of each job, such as 2 GiB.{_MOST}")]
Hours = Annotated[
    float | None, typer.Option(help=f"With --on slurm: after which its jobs end.{_MOST}", min=0.1)
]


def refuse_idle(ctx: typer.Context) -> None:
    """Refuse options of cluster jobs for a run that is none.

    Raises:
        typer.BadParameter: one was given.
    """
    sources = {name: ctx.get_parameter_source(name) for name in OPTIONS}
    said = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if said:
        raise typer.BadParameter(f"--{said[0]} is for jobs of a cluster: add --on slurm, or leave it out")


def resources(
    site: Site, *, workers: int, cores: int | None, memory: str | None, hours: float | None
) -> Resources:
    """What a run's jobs are to have: what was asked for, within what the operator's settings give.

    Raises:
        typer.BadParameter: it is more than that, or too little to run in.
        HubError: the settings can't be read.
    """
    from pydantic import ValidationError

    from sundbench.errors import one_line
    from sundbench.hub import settings
    from sundbench.release.cluster.letter import Resources

    slurm = settings.read(site).slurm
    most = slurm.run
    asked = {
        "cores": cores or most.cores,
        "memory": memory or most.memory,
        "minutes": max(1, int(hours * 60)) if hours else most.minutes,
        "workers": workers,
        "partition": most.partition or slurm.partition,
        "charge": slurm.charge,
    }
    try:
        chosen = Resources.model_validate(asked)
    except ValidationError as error:
        raise typer.BadParameter(one_line(error, "--on slurm")) from error
    _within(chosen, most)
    return chosen


def _within(asked: Resources, most: RunSettings) -> None:
    for name in ("cores", "memory", "minutes", "workers"):
        wanted, limit = getattr(asked, name), getattr(most, name)
        if wanted > limit:
            given = f"{limit / 2**30:g} GiB" if name == "memory" else limit
            raise typer.BadParameter(
                f"a run's jobs get at most {given} here (slurm.run.{name} in the settings)"
            )


def awaited(site: Site, run: str, user: str) -> Manifest | Reproduction:
    """Wait for a run; who doesn't want to wait is told how to come back."""
    from sundbench.release.cluster.awaiting import wait

    try:
        with progress(run) as report:
            return wait(site, run, user, report=report, tell=lambda line: errors.print(line, markup=False))
    except KeyboardInterrupt:
        screen.print(
            f"run {run} goes on; take it home with: sundbench run wait {run}", markup=False, soft_wrap=True
        )
        raise typer.Exit(1) from None
