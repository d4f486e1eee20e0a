"""``sundbench study``."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def study() -> None:
    """Not yet written."""
