"""``sundbench audit``: what was done here, by whom, and whether the log of it is whole."""

from __future__ import annotations

import sys
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sundbench.cli.screen import errors, listing, progress, screen

if TYPE_CHECKING:
    from sundbench.governance.audit.reading import Filter
    from sundbench.governance.audit.record import Record

app = typer.Typer(no_args_is_help=True)

User = Annotated[str | None, typer.Option("--user", help="Whose doing.")]
Project = Annotated[str | None, typer.Option("--project", help="The permit's id.")]
ActionName = Annotated[
    str | None,
    typer.Option("--action", help="What was done: execute, kernel.start, or kernel for all kernel.*"),
]
Since = Annotated[
    str | None, typer.Option("--since", help="From this day or moment on, UTC: 2026-11-01, 2026-11-01T12:00.")
]
Until = Annotated[str | None, typer.Option("--until", help="Before this day or moment, UTC.")]


@app.callback()
def audit() -> None:
    """Verify, show and export the audit log; remove what is old enough (docs/audit.md)."""


@app.command()
def verify(
    ctx: typer.Context,
    head: Annotated[
        str | None,
        typer.Option(help="A head that you noted elsewhere, SEQUENCE:DIGEST: it must be in the log."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="The fingerprint that the log's key must have.")] = None,
) -> None:
    """See that nothing in the log was edited, removed, reordered or rolled back.

    Reads every record and compares with every anchor. Note the head that it shows where nobody of this
    installation can change it, and give it next time.

    Example: sundbench audit verify --head 1204:9c0f31d2a77e
    """
    from sundbench.errors import AuditError
    from sundbench.governance.audit.places import readable
    from sundbench.governance.audit.verify import verify as verified

    with readable(ctx.obj), progress("verify") as report:
        found = verified(ctx.obj, noted=head, key=key, report=report)
    for note in found.notes[:20]:
        screen.print(f"note: {note}", markup=False, soft_wrap=True)
    for problem in found.problems[:50]:
        screen.print(f"{problem.where}: {problem.what}", markup=False, soft_wrap=True)
    if found.problems:
        raise AuditError(
            f"audit log {ctx.obj.audit}: {len(found.problems)} problems: keep it as it is, and find out why"
        )
    retired = f", {found.retired} segments retired" if found.retired else ""
    screen.print(
        f"{found.records:,} records, {found.anchors:,} anchors{retired}: as they were written\n"
        f"head {found.head}\nkey {found.key}",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def show(
    ctx: typer.Context,
    *,
    user: User = None,
    project: Project = None,
    action: ActionName = None,
    since: Since = None,
    until: Until = None,
    last: Annotated[int, typer.Option(help="How many, counted from the end.", min=1)] = 50,
    whole: Annotated[bool, typer.Option("--whole", help="Don't shorten what is long, such as code.")] = False,
) -> None:
    """Show what was recorded, the newest last.

    Example: sundbench audit show --project lung-cancer --action execute --since 2026-11-01
    """
    from collections import deque

    from sundbench.governance.audit.places import readable
    from sundbench.governance.audit.reading import read

    wanted = _filter(user, project, action, since, until)
    with readable(ctx.obj):
        records = deque(read(ctx.obj, wanted), maxlen=last)
    table = listing("record", "time", "user", "project", "action", "object", "detail")
    for one in records:
        row = (one.actor, one.permit or "-", one.action, one.object, _detail(one))
        table.add_row(
            str(one.sequence), one.time[:19].replace("T", " "), *(_shown(cell, whole) for cell in row)
        )
    screen.print(table if records else "nothing was recorded of that kind")


@app.command()
def export(
    ctx: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option(help="The permit's id.  \\[default: the whole log, log-ins and people too]")
    ] = None,
    user: User = None,
    action: ActionName = None,
    since: Since = None,
    until: Until = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["jsonl", "csv"], typer.Option(help="Lines as they are in the log, or a table.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="The file to write.  \\[default: the screen]")] = None,
) -> None:
    """Write one project's records, or all, to a file; the log is verified first, and the export recorded.

    Example: sundbench audit export --project lung-cancer --since 2026-01-01 --format csv --out lung.csv
    """
    from sundbench import aside
    from sundbench.errors import AuditError
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.places import readable
    from sundbench.governance.audit.reading import read, write_csv, write_jsonl
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.audit.verify import verify as verified
    from sundbench.governance.people import current_user

    wanted = _filter(user, project, action, since, until)
    with readable(ctx.obj):
        problems = verified(ctx.obj).problems
    if problems:
        raise AuditError("the audit log is not as it was written: `sundbench audit verify` says where")
    with recording(ctx.obj, current_user()) as recorder:
        recorder.record(
            Action.AUDIT_EXPORT, project or "the whole log", permit=project, since=since, until=until
        )
    write = write_csv if format == "csv" else write_jsonl
    records = read(ctx.obj, wanted)
    if out is None:
        write(records, sys.stdout)
        return
    try:
        with aside.file(out, mode=0o600) as file, TextIOWrapper(file, encoding="utf-8", newline="") as text:
            count = write(records, text)
    except OSError as error:
        raise AuditError(f"{out}: {error.strerror}: choose another place") from error
    errors.print(f"{count:,} records in {out}", markup=False, soft_wrap=True)


@app.command()
def retire(ctx: typer.Context) -> None:
    """Remove the oldest files of the log, where every record is 13 months old or older.

    A signed statement stands in for each, so that the chain can still be verified. Export what you want to
    keep before.

    Example: sundbench audit retire
    """
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user

    with recording(ctx.obj, current_user()) as recorder:
        gone = recorder.retire()
    for name in gone:
        screen.print(f"removed; in its place stands {name}", markup=False)
    if not gone:
        screen.print("nothing is old enough")


def _filter(
    user: str | None, project: str | None, action: str | None, since: str | None, until: str | None
) -> Filter:
    from sundbench.governance.audit.reading import Filter

    return Filter(user, project, action, _moment(since, "--since"), _moment(until, "--until"))


def _moment(text: str | None, option: str) -> datetime | None:
    from datetime import UTC

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no day or moment: 2026-11-01", param_hint=option) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _detail(record: Record) -> str:
    detail: dict[str, Any] = dict(record.detail)
    detail.pop("account", None)
    return " ".join(f"{name}={value}" for name, value in detail.items())


def _shown(cell: str, whole: bool) -> str:
    """A cell that can't do anything to the screen: what is no printable letter is shown by its code."""
    from rich.markup import escape

    plain = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in cell)
    plain = plain.replace("\\x0a", "⏎ ")
    return escape(plain if whole or len(plain) <= 100 else f"{plain[:99]}…")
