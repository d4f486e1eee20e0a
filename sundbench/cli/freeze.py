"""``sundbench freeze``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sundbench.cli.screen import listing, progress, screen
from sundbench.errors import StoreError
from sundbench.site import Site

app = typer.Typer(no_args_is_help=True)

FreezeId = Annotated[str, typer.Argument(help="A freeze's id, as `sundbench freeze list` shows it.")]


@app.callback()
def freeze() -> None:
    """Make immutable national data versions from deliveries, and check them."""


@app.command()
def create(
    ctx: typer.Context,
    delivery: Annotated[Path, typer.Argument(help="The folder that holds the delivery's files.")],
    id: Annotated[str, typer.Option(help="The new freeze's id, such as 2026-01.")],  # noqa: A002
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads.  \\[default: one a processor]", show_default=False)
    ] = None,
) -> None:
    """Freeze a delivery: read, check, pseudonymise, sort, describe.

    Every row is kept or quarantined with a reason. The vault's key must be at hand
    (SUNDBENCH_VAULT_KEY_FILE; `sundbench vault key FILE` makes one).

    Example: sundbench freeze create deliveries/2026-01 --id 2026-01
    """
    from sundbench.store.freeze import create as create_freeze

    site: Site = ctx.obj
    with progress("freeze") as report:
        made = create_freeze(site, delivery, id, report=report, workers=workers)
    _summary(made)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the freezes there are."""
    from sundbench.store.freeze import Freeze, freeze_ids

    site: Site = ctx.obj
    numbers = ("persons", "registers", "rows")
    table = listing("freeze", "created", *numbers, numbers=numbers)
    for name in freeze_ids(site):
        one = Freeze.open(site, name)
        rows = sum(told["rows"] for told in one.manifest["registers"].values())
        created = str(one.manifest["created"])[:10]
        table.add_row(name, created, f"{one.persons:,}", str(len(one.registers)), f"{rows:,}")
    screen.print(table)


@app.command()
def show(ctx: typer.Context, id: FreezeId) -> None:  # noqa: A002
    """Show what a freeze holds, and what became of each file's rows.

    Example: sundbench freeze show 2026-01
    """
    from sundbench.store.freeze import Freeze

    _summary(Freeze.open(ctx.obj, id))


@app.command()
def verify(ctx: typer.Context, id: FreezeId) -> None:  # noqa: A002
    """Hash every file of a freeze again, and name each that is damaged, missing or extra.

    Example: sundbench freeze verify 2026-01
    """
    from sundbench.store.freeze import Freeze

    with progress("freeze") as report:
        problems = Freeze.open(ctx.obj, id).verify(report)
    for problem in problems:
        screen.print(problem, markup=False)
    if problems:
        raise StoreError(f"freeze {id}: {len(problems)} files are not as they were: restore it from a backup")
    screen.print(f"freeze {id} is whole")


@app.command()
def quarantine(
    ctx: typer.Context,
    id: FreezeId,  # noqa: A002
    export: Annotated[
        Path | None,
        typer.Option(help="Decrypt the rows into this new Parquet file. It holds person numbers."),
    ] = None,
) -> None:
    """Count the rows that could not be kept, by reason; with --export and the vault's key, take them out.

    Examples:
      sundbench freeze quarantine 2026-01
      sundbench freeze quarantine 2026-01 --export /secure/2026-01-quarantine.parquet
    """
    from sundbench.store.freeze import Freeze
    from sundbench.store.quarantine import export_quarantine

    made = Freeze.open(ctx.obj, id)
    if export is not None:
        export_quarantine(ctx.obj, id, export)
        screen.print(f"wrote {export}: it holds person numbers, delete it when you are done", markup=False)
        return
    table = listing("file", "reason", "rows", numbers=("rows",))
    for source in made.manifest["sources"]:
        for reason, rows in source["quarantined"].items():
            table.add_row(source["file"], reason, f"{rows:,}")
    screen.print(table)


def _summary(made: object) -> None:
    from rich.markup import escape

    from sundbench.store.freeze import Freeze

    assert isinstance(made, Freeze)  # noqa: S101 - the import is heavy, so the signature can't name it
    manifest = made.manifest
    sources: list[dict[str, Any]] = manifest["sources"]
    numbers = ("files", "read", "kept", "copies", "quarantined")
    table = listing("register", *numbers, numbers=numbers)
    for name in sorted({source["register"] for source in sources}):
        own = [source for source in sources if source["register"] == name]
        table.add_row(name, f"{len(own):,}", *_counts(own))
    table.add_row("all", f"{len(sources):,}", *_counts(sources), style="bold")
    screen.print(table)
    notable = [source for source in sources if source["quarantined"] or source["unknown_columns"]]
    if notable:
        table = listing("file", "quarantined", "columns not known")
        for source in notable:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in source["quarantined"].items())
            unknown = ", ".join(source["unknown_columns"])
            table.add_row(escape(source["file"]), escape(reasons), escape(unknown))
        screen.print()
        screen.print(table)
    if manifest["unknown_files"]:
        screen.print(
            f"not read, since no register is named so: {', '.join(manifest['unknown_files'])}", markup=False
        )
    screen.print(
        f"{made.persons:,} persons in {made.buckets} buckets: {made.path}", markup=False, soft_wrap=True
    )
    screen.print(f"data quality: {made.path / 'quality.html'}", markup=False, soft_wrap=True)


def _counts(sources: list[dict[str, Any]]) -> tuple[str, ...]:
    """Rows read, kept, copied (to each member of a household) and quarantined."""
    counted = [sum(source[what] for source in sources) for what in ("read", "kept", "expanded")]
    counted.append(sum(sum(source["quarantined"].values()) for source in sources))
    return tuple(f"{count:,}" for count in counted)
