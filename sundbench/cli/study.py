"""``sundbench study``: the studies that can be run, and what they take."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from sundbench.cli.screen import listing, screen

app = typer.Typer(no_args_is_help=True)


@app.callback()
def study() -> None:
    """Studies: what each is about, and the parameters that it takes."""


@app.command("list")
def list_studies() -> None:
    """List the studies in the folder analyses/.

    Example: sundbench study list
    """
    from sundbench.release import content
    from sundbench.release.study import available, find

    folder = content.analyses()
    table = listing("study", "title", "parameters")
    for name in available(folder):
        about = find(folder, name).about
        table.add_row(name, about.title.en, str(len(about.parameters)))
    screen.print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="The study, as `sundbench study list` names it.")]) -> None:
    """Show a study: what it needs of a permit, and its parameters with types and domains.

    Example: sundbench study show drug_cost_effectiveness
    """
    from sundbench.release import content
    from sundbench.release.study import find

    about = find(content.analyses(), name).about
    screen.print(f"[bold]{about.title.en}[/bold]\n{about.title.da}\n\n{about.description.en}\n")
    needs = Table("register", "columns", title="A permit must allow", title_justify="left")
    for register, columns in about.permit.registers.items():
        needs.add_row(register, ", ".join(columns))
    screen.print(needs)
    takes = Table("parameter", "type", "default", "domain", "unit", "what", title="Parameters")
    takes.title_justify = "left"
    for key, kind in about.parameters.items():
        takes.add_row(key, kind.type, str(kind.default), kind.domain, kind.unit or "", kind.label.en)
    screen.print(takes)
