"""``sundbench run``: execute a study, look at runs, and run one again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sundbench.cli.run_kept import list_runs, show
from sundbench.cli.run_on_cluster import Cores, Hours, Memory, Workers, awaited, refuse_idle, resources
from sundbench.cli.run_told import tell_begun, tell_compared, tell_made
from sundbench.cli.screen import progress, screen


class Place(StrEnum):
    """Where a study may run."""

    HERE = "here"
    SLURM = "slurm"


Where = Annotated[Place, typer.Option("--on", help="Where it runs.")]


class _StudyOrCommand(TyperGroup):
    """Lets `sundbench run STUDY ...` stand beside `sundbench run list` and its like."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - types private to typer
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["execute", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=_StudyOrCommand)
app.command("list")(list_runs)
app.command()(show)


@app.callback()
def run() -> None:
    """Run studies: sundbench run STUDY --permit PERMIT -p name=value ...

    `sundbench study show STUDY` says which parameters a study takes; `sundbench run STUDY --help` has all
    options, and how it runs on a cluster (--on slurm).
    """


@app.command(hidden=True)
def execute(
    ctx: typer.Context,
    *,
    study: Annotated[str, typer.Argument(help="The study, as `sundbench study list` names it.")],
    permit: Annotated[str, typer.Option(help="The permit whose extract is read.")],
    freeze: Annotated[
        str | None, typer.Option(help="The freeze of the extract.  \\[default: the newest]")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A parameter's value; may be repeated."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of random draws.  \\[default: the study's]", min=0)
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who runs it.  \\[default: you]")] = None,
    place: Where = Place.HERE,
    workers: Workers = 0,
    cores: Cores = None,
    memory: Memory = None,
    hours: Hours = None,
) -> None:
    """Run a study on a permit's extract, and keep the run with its outputs and a signed manifest.

    With --on slurm it is a job of the cluster, under the permit's account, with what the operator's settings
    give (`slurm.run`) or less. Ctrl-C leaves it running there: `sundbench run list` shows how it stands,
    `sundbench run wait RUN` takes it home.

    Examples:
      sundbench run drug_cost_effectiveness --permit lung-2026 -p price_new=21000
      sundbench run drug_cost_effectiveness --permit lung-2026 --on slurm --workers 4 --memory "8 GiB"
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import content
    from sundbench.release.run import start
    from sundbench.release.study import find

    given = _pairs(parameter or [])
    chosen = find(content.analyses(), study)
    actor = user or current_user()
    share = None
    if place is Place.SLURM:
        share = resources(ctx.obj, workers=workers, cores=cores, memory=memory, hours=hours)
    else:
        refuse_idle(ctx)
    # Begun and done are recorded apart: a run takes long, and nobody else should wait for the log.
    with recording(ctx.obj, actor) as recorder:
        recorder.record(Action.RUN_START, study, permit=permit, parameters=given, files=chosen.digests)
    asked: dict[str, Any] = {"permit": permit, "user": actor, "freeze": freeze, "given": given, "seed": seed}
    if share is not None:
        from sundbench.release import order
        from sundbench.release.cluster.submitting import submit

        placed, extract = order.place(ctx.obj, chosen, **asked)
        tell_begun(submit(ctx.obj, chosen, placed, extract, share))
        tell_made(ctx.obj, actor, awaited(ctx.obj, placed.run, actor))
        return
    with progress(study) as report:
        made = start(ctx.obj, chosen, **asked, report=report)
    tell_made(ctx.obj, actor, made)


@app.command()
def wait(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="A run that is under way on the cluster.")]
) -> None:
    """Wait for a run on the cluster and keep it, as if it had been made here. May be asked again and again.

    Example: sundbench run wait drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.governance.people import current_user

    user = current_user()
    tell_made(ctx.obj, user, awaited(ctx.obj, run, user))


@app.command()
def cancel(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="A run that is under way on the cluster.")]
) -> None:
    """End a run on the cluster that you ordered. Nothing of it is kept but its notebook as far as it came.

    Example: sundbench run cancel drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.errors import ReleaseError
    from sundbench.governance.people import current_user
    from sundbench.release.cluster import awaiting

    user = current_user()
    awaiting.cancel(ctx.obj, run, user)
    try:
        tell_made(ctx.obj, user, awaited(ctx.obj, run, user))
    except ReleaseError as error:
        screen.print(str(error), markup=False, soft_wrap=True)


@app.command()
def reproduce(
    ctx: typer.Context,
    *,
    run: Annotated[str, typer.Argument(help="The run to repeat.")],
    place: Where = Place.HERE,
    workers: Workers = 0,
    cores: Cores = None,
    memory: Memory = None,
    hours: Hours = None,
) -> None:
    """Run a run again with the same parameters, and compare every output bit by bit.

    Ends with exit code 1 and says what differs, in the outputs and in what they ran on, if anything does.
    Nothing is kept of it.

    Examples:
      sundbench run reproduce drug_cost_effectiveness-20261122104500-1f2e
      sundbench run reproduce drug_cost_effectiveness-20261122104500-1f2e --on slurm --workers 4
    """
    from sundbench.governance.people import current_user
    from sundbench.release import content
    from sundbench.release.reproduce import place as place_again
    from sundbench.release.reproduce import reproduce as again
    from sundbench.release.study import find

    if place is Place.HERE:
        refuse_idle(ctx)
        with progress("again") as report:
            result = again(ctx.obj, run, lambda study: find(content.analyses(), study), report=report)
        tell_compared(result)
        return
    from sundbench.release.cluster.submitting import submit

    share = resources(ctx.obj, workers=workers, cores=cores, memory=memory, hours=hours)
    user = current_user()
    study, placed, extract = place_again(ctx.obj, run, lambda name: find(content.analyses(), name), user)
    tell_begun(submit(ctx.obj, study, placed, extract, share, again=run))
    tell_made(ctx.obj, user, awaited(ctx.obj, placed.run, user))


def _pairs(given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-p")
        if name in pairs:
            raise typer.BadParameter(f"{name} is given twice", param_hint="-p")
        pairs[name] = value
    return pairs
