"""``sundbench synthesize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _years(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise typer.BadParameter(f"{text}: give years as 1995-2025")
    return int(first), int(last or first)


def synthesize(
    out: Annotated[Path, typer.Argument(help="The folder to make. It must be absent or empty.")],
    persons: Annotated[int, typer.Option(help="Distinct persons over all years.")] = 50_000,
    years: Annotated[str, typer.Option(help="First and last calendar year.")] = "1995-2025",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes.  \\[default: one for each processor]")
    ] = None,
) -> None:
    """Write a delivery of invented persons, in every register's own format.

    The person numbers are fictive by construction (day of birth + 60). truth.json says what was planted:
    drug effects, a cost difference, a rare harm, confounding. docs/synthetic.md explains.

    Example: sundbench synthesize --persons 50000 --years 1995-2025 --seed 1 deliveries/first
    """
    from sundbench.cli.screen import progress, screen
    from sundbench.registers.synthetic.run import synthesize as write

    with progress("synthesize") as report:
        truth = write(out, persons=persons, years=_years(years), seed=seed, workers=workers, report=report)
    screen.print(
        f"{out}: {sum(truth['rows'].values()):,} rows of {len(truth['rows'])} registers", soft_wrap=True
    )
    screen.print(truth["warning"], soft_wrap=True)
