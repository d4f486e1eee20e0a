"""What the commands share on the screen: consoles and progress bars."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sundbench.progress import Report

screen = Console(highlight=False)
"""Results: standard output."""

errors = Console(stderr=True, highlight=False)
"""Progress and errors: standard error, so that results can be piped."""


def listing(*headers: str, numbers: Collection[str] = ()) -> Table:
    """A plain table whose ids can be copied however narrow the screen is.

    Args:
        headers: of the columns. The first is of ids: it stays on one line. What is too long for another
            column goes on below; nothing is cut.
        numbers: those of the columns that hold numbers.
    """
    table = Table(box=None)
    for place, header in enumerate(headers):
        justify: JustifyMethod = "right" if header in numbers else "left"
        table.add_column(header, no_wrap=place == 0, overflow="fold", justify=justify)
    return table


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show progress bars, one for each thing that the work names, until the block ends.

    Args:
        title: stands before each bar.

    Yields:
        A function to call as ``report(what, done, total)``, from any thread.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors) as bars:
        tasks = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(f"{title}: {what}", total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield report
