"""``sundbench report``: released outputs as pages."""

from __future__ import annotations

from typing import Annotated

import typer

from sundbench.cli.screen import listing, progress, screen

app = typer.Typer(no_args_is_help=True)


@app.callback()
def report() -> None:
    """Reports: released outputs, rendered to one page each, in Danish and English."""


@app.command("list")
def list_reports() -> None:
    """List the reports in the folder reports/.

    Example: sundbench report list
    """
    from sundbench.release import content
    from sundbench.release.report import available, read

    folder = content.reports()
    table = listing("report", "title", "study")
    for name in available(folder):
        about = read(folder / name)
        table.add_row(name, about.title.en, about.study)
    screen.print(table)


@app.command()
def publish(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The report, as `sundbench report list` names it.")],
    release: Annotated[str, typer.Option(help="The release that it shows.")],
) -> None:
    """Render a report from a release to one self-contained HTML page.

    The page asks for nothing from outside: it can be mailed, archived or put on any web server.

    Example: sundbench report publish drug_cost_effectiveness --release r20261122-1f2e3d
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import content
    from sundbench.release import report as reports

    with recording(ctx.obj, current_user()) as recorder:
        recorder.record(Action.REPORT_PUBLISH, name, release=release)
    with progress(name) as told:
        page = reports.publish(ctx.obj, content.reports() / name, release, report=told)
    screen.print(f"report {name}: {page}", soft_wrap=True)
