"""``sundbench permit``."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def permit() -> None:
    """Not yet written."""
