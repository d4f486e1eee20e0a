"""What the commands share on the screen: consoles and progress bars."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table

from sundbench.progress import Report

# What moves the cursor, rings, colours or turns the direction of what follows.
_CONTROLS = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\n\t"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ],
    "\N{REPLACEMENT CHARACTER}",
)


class _Console(Console):
    """A console on which no text from outside can do more than be read: its control characters are shown."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, but for the control characters within texts."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                yield Segment(segment.text.translate(_CONTROLS), segment.style)
            else:
                yield segment


screen = _Console(highlight=False)
"""Results: standard output."""

errors = _Console(stderr=True, highlight=False)
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
