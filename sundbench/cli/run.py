"""``sundbench run``: execute a study, look at runs, and run one again."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sundbench.cli.screen import listing, progress, screen


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
) -> None:
    """Run a study on a permit's extract, and keep the run with its outputs and a signed manifest.

    Example: sundbench run drug_cost_effectiveness --permit lung-2026 -p price_new=21000
    """
    from sundbench.disclosure.check import check
    from sundbench.disclosure.profile import profile
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import content
    from sundbench.release.run import folder_of, start
    from sundbench.release.study import find

    given = _pairs(parameter or [])
    chosen = find(content.analyses(), study)
    actor = user or current_user()
    # Begun and done are recorded apart: a run takes long, and nobody else should wait for the log.
    with recording(ctx.obj, actor) as recorder:
        recorder.record(Action.RUN_START, study, permit=permit, parameters=given, files=chosen.digests)
    with progress(study) as report:
        made = start(
            ctx.obj,
            chosen,
            permit=permit,
            user=actor,
            freeze=freeze,
            given=given,
            seed=seed,
            report=report,
        )
    with recording(ctx.obj, actor) as recorder:
        recorder.record(Action.RUN_END, made.run, permit=permit, extract=made.extract_digest)
    outbox = folder_of(ctx.obj, made.run) / "outbox"
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


@app.command("list")
def list_runs(ctx: typer.Context) -> None:
    """List the runs of this installation, oldest first, and those that failed.

    Example: sundbench run list
    """
    from sundbench.release import manifest
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
