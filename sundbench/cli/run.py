"""``sundbench run``: execute a study, look at runs, and run one again."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sundbench.cli.screen import errors, listing, progress, screen

if TYPE_CHECKING:
    from sundbench.release.cluster.letter import Resources
    from sundbench.release.manifest import Manifest
    from sundbench.site import Site


class Place(StrEnum):
    """Where a study may run."""

    HERE = "here"
    SLURM = "slurm"


class _StudyOrCommand(TyperGroup):
    """Lets `sundbench run STUDY ...` stand beside `sundbench run list` and its like."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - types private to typer
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["execute", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=_StudyOrCommand)


@app.callback()
def run() -> None:
    """Run studies: sundbench run STUDY --permit PERMIT -p name=value ...

    `sundbench study show STUDY` says which parameters a study takes.
    """


@app.command(hidden=True)
def execute(
    ctx: typer.Context,
    *,
    study: Annotated[str, typer.Argument(help="The study, as `sundbench study list` names it.")],
    permit: Annotated[str, typer.Option(help="The permit whose extract is read.")],
    freeze: Annotated[
        str | None, typer.Option(help="The freeze of the extract.  [default: the newest]")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A parameter's value; may be repeated."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of random draws.  [default: the study's]", min=0)] = None,
    user: Annotated[str | None, typer.Option(help="Who runs it.  [default: you]")] = None,
    place: Annotated[Place, typer.Option("--on", help="Where it runs.")] = Place.HERE,
    workers: Annotated[
        int, typer.Option(help="With --on slurm: jobs over which it spreads its work.", min=0, max=200)
    ] = 0,
    cores: Annotated[int, typer.Option(help="With --on slurm: of each job.", min=1)] = 2,
    memory: Annotated[str, typer.Option(help="With --on slurm: of each job.")] = "4 GiB",
    hours: Annotated[float, typer.Option(help="With --on slurm: after which its jobs end.", min=0.1)] = 12,
    partition: Annotated[str | None, typer.Option(help="With --on slurm.  [default: the cluster's]")] = None,
) -> None:
    """Run a study on a permit's extract, and keep the run with its outputs and a signed manifest.

    With --on slurm it is a job of the cluster, under the permit's account. Ctrl-C leaves it running there:
    `sundbench run list` shows how it stands, `sundbench run wait RUN` takes it home.

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
    if place is Place.HERE and (idle := _said(ctx, "workers", "cores", "memory", "hours", "partition")):
        raise typer.BadParameter(f"--{idle[0]} is for jobs of a cluster: add --on slurm, or leave it out")
    resources = _resources(cores=cores, memory=memory, hours=hours, workers=workers, partition=partition)
    # Begun and done are recorded apart: a run takes long, and nobody else should wait for the log.
    with recording(ctx.obj, actor) as recorder:
        recorder.record(Action.RUN_START, study, permit=permit, parameters=given, files=chosen.digests)
    asked: dict[str, Any] = {"permit": permit, "user": actor, "freeze": freeze, "given": given, "seed": seed}
    if place is Place.SLURM:
        from sundbench.release import order
        from sundbench.release.cluster.submitting import submit

        placed, extract = order.place(ctx.obj, chosen, **asked)
        ticket = submit(ctx.obj, chosen, placed, extract, resources)
        screen.print(f"run {placed.run} is job {ticket.job} of the cluster", soft_wrap=True)
        made = _await(ctx.obj, placed.run)
    else:
        with progress(study) as report:
            made = start(ctx.obj, chosen, **asked, report=report)
    _tell(ctx.obj, actor, made)


@app.command()
def wait(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="A run that is under way on the cluster.")]
) -> None:
    """Wait for a run on the cluster and keep it, as if it had been made here. May be asked again and again.

    Example: sundbench run wait drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.governance.people import current_user

    _tell(ctx.obj, current_user(), _await(ctx.obj, run))


@app.command()
def cancel(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="A run that is under way on the cluster.")]
) -> None:
    """End a run on the cluster. Nothing of it is kept but its notebook as far as it came.

    Example: sundbench run cancel drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.errors import ReleaseError
    from sundbench.governance.people import current_user
    from sundbench.release.cluster import awaiting

    awaiting.cancel(ctx.obj, run)
    try:
        _tell(ctx.obj, current_user(), _await(ctx.obj, run))
    except ReleaseError as error:
        screen.print(str(error), markup=False, soft_wrap=True)


@app.command("list")
def list_runs(ctx: typer.Context) -> None:
    """List the runs of this installation, oldest first, those that failed, and those on the cluster.

    Example: sundbench run list
    """
    from sundbench.release import manifest
    from sundbench.release.cluster import awaiting
    from sundbench.release.run import failed, folder_of, runs

    table = listing("run", "permit", "freeze", "by", "seconds", numbers=("seconds",))
    for name in runs(ctx.obj):
        made = manifest.read(ctx.obj, folder_of(ctx.obj, name))
        seconds = (made.finished - made.started).total_seconds()
        table.add_row(
            name,
            made.permit,
            made.freeze,
            made.user,
            f"{seconds:.0f}",
        )
    for name in failed(ctx.obj):
        table.add_row(name, "[red]failed[/red]")
    for name in awaiting.going(ctx.obj):
        table.add_row(name, awaiting.standing(ctx.obj, name))
    screen.print(table)


@app.command()
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


@app.command()
def reproduce(ctx: typer.Context, run: Annotated[str, typer.Argument(help="The run to repeat.")]) -> None:
    """Run a run again with the same parameters, and compare every output bit by bit.

    Ends with exit code 1 and says what differs, in the outputs and in what they ran on, if anything does.

    Example: sundbench run reproduce drug_cost_effectiveness-20261122104500-1f2e
    """
    from sundbench.release import content
    from sundbench.release.reproduce import reproduce as again
    from sundbench.release.study import find

    with progress("again") as report:
        result = again(ctx.obj, run, lambda study: find(content.analyses(), study), report=report)
    for line in result.surroundings:
        screen.print(f"surroundings: {line}", soft_wrap=True, markup=False)
    for line in result.differences:
        screen.print(f"differs: {line}", soft_wrap=True, markup=False)
    if result.differences:
        raise typer.Exit(1)
    screen.print(f"run {run}: all {result.compared} outputs are the same to the last bit", soft_wrap=True)


def _said(ctx: typer.Context, *options: str) -> list[str]:
    """Those options that stand on the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in options}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def _resources(**given: object) -> Resources:
    from pydantic import ValidationError

    from sundbench.errors import one_line
    from sundbench.release.cluster.letter import Resources

    try:
        return Resources.model_validate(given)
    except ValidationError as error:
        raise typer.BadParameter(one_line(error, "--on slurm")) from error


def _await(site: Site, run: str) -> Manifest:
    """Wait for a run on the cluster; who doesn't want to wait is told how to come back."""
    from sundbench.release.cluster.awaiting import wait

    try:
        with progress(run) as report:
            return wait(site, run, report=report, tell=lambda line: errors.print(line, markup=False))
    except KeyboardInterrupt:
        screen.print(
            f"run {run} goes on; take it home with: sundbench run wait {run}", markup=False, soft_wrap=True
        )
        raise typer.Exit(1) from None


def _tell(site: Site, actor: str, made: Manifest) -> None:
    """Record a run's end, and say what it made and whether that could be released."""
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
