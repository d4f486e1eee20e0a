"""The entry point of the ``sundbench`` command: its groups, its global options and its exit codes."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from sundbench.cli import (
    audit,
    backup,
    database,
    demo,
    extract,
    freeze,
    hub,
    packages,
    people,
    permit,
    registers,
    release,
    report,
    run,
    study,
    synthesize,
    vault,
    workspace,
)
from sundbench.cli.screen import errors
from sundbench.errors import SundbenchError
from sundbench.site import Site

_STOPPED = 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of the data's way. Each module imports what is heavy only when its command runs.
app.add_typer(registers.app, name="registers")
app.command()(synthesize.synthesize)
app.add_typer(vault.app, name="vault")
app.add_typer(freeze.app, name="freeze")
app.add_typer(people.app, name="people")
app.add_typer(permit.app, name="permit")
app.command()(extract.extract)
app.add_typer(study.app, name="study")
app.add_typer(run.app, name="run")
app.add_typer(release.app, name="release")
app.add_typer(report.app, name="report")
app.add_typer(audit.app, name="audit")
app.add_typer(hub.app, name="hub")
app.add_typer(database.app, name="database")
app.add_typer(backup.app, name="backup")
app.add_typer(workspace.app, name="workspace")
app.add_typer(packages.app, name="packages")
app.command()(demo.demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sundbench {version('sundbench')}")
        raise typer.Exit


@app.callback()
def sundbench(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The installation's folder.  \\[env: SUNDBENCH_HOME; default: ./sundbench-home]"),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """From register deliveries to reviewed, reproducible reports.

    delivery -> freeze -> permit -> extract -> run -> release -> report

    Start with: sundbench synthesize --help, or make demo.
    """
    ctx.obj = Site.from_environment(home)


def main() -> None:
    """Run the command: exit 0 when it worked, 1 for what the user can mend, 2 for wrong usage.

    130 when it was stopped (Ctrl-C), as shells have it.
    """
    try:
        app()
    except SundbenchError as error:
        errors.print(f"[bold red]error:[/bold red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:  # typer's own answer to Ctrl-C says nothing
        if ended.code == _STOPPED:
            _stopped()
        raise


def _stopped() -> NoReturn:
    errors.print("stopped: what was not finished counts for nothing; the same command starts anew")
    sys.exit(_STOPPED)
