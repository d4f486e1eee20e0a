"""``sundbench registers``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sundbench.cli.screen import screen

if TYPE_CHECKING:
    from sundbench.registers.catalogue import Catalogue, Column, Register, Text

app = typer.Typer(no_args_is_help=True)


class Language(StrEnum):
    """The languages that the catalogue is written in."""

    EN = "en"
    DA = "da"


WORDS = {
    Language.EN: {
        "covers": "Covers",
        "since": "since",
        "date": "Date",
        "undated": "its rows are undated",
        "of the parent": "from {}",
        "person": "Person",
        "through": "through {} by {}",
        "members": "one row belongs to several persons",
        "aliases": "Also called",
        "note": "Note",
        "column": "column",
        "type": "type",
        "holds": "what it holds",
        "sensitivity": "sensitivity",
        "also": "also",
        "missing": "missing",
        "unit": "delivered in units of {} kr.",
        "unverified": "? name or type not verified in a public source",
        "sources": "Sources",
    },
    Language.DA: {
        "covers": "Dækker",
        "since": "fra",
        "date": "Dato",
        "undated": "rækkerne er udaterede",
        "of the parent": "fra {}",
        "person": "Person",
        "through": "gennem {} ved {}",
        "members": "én række hører til flere personer",
        "aliases": "Kaldes også",
        "note": "Bemærk",
        "column": "kolonne",
        "type": "type",
        "holds": "indhold",
        "sensitivity": "følsomhed",
        "also": "også",
        "missing": "mangler",
        "unit": "leveres i enheder af {} kr.",
        "unverified": "? navn eller type er ikke bekræftet i en offentlig kilde",
        "sources": "Kilder",
    },
}


@app.callback()
def registers() -> None:
    """Look up what each register holds: columns, codes, coverage, and how it finds its persons.

    For example:

        sundbench registers list

        sundbench registers show lmdb

        sundbench registers show lpr_a_diagnose --lang da
    """


@app.command("list")
def list_registers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the registers of the catalogue."""
    from sundbench.registers.catalogue import catalogue

    entries = catalogue()
    if as_json:
        typer.echo(json.dumps([_summary(entry) for entry in entries.values()], ensure_ascii=False, indent=2))
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("register", no_wrap=True)
    table.add_column("title", overflow="fold")
    table.add_column("covers", no_wrap=True)
    table.add_column("columns", justify="right")
    table.add_column("person through")
    for name, entry in entries.items():
        title = f"{escape(entry.title.en)}\n[dim]{escape(entry.title.da)}[/dim]"
        years = f"{entry.coverage.since.year}-{entry.coverage.until.year if entry.coverage.until else ''}"
        person = entry.parent.name if entry.parent else entry.subject
        table.add_row(f"[bold]{name}[/bold]", title, years, str(len(entry.columns)), person)
    screen.print(table)
    screen.print("\n`sundbench registers show NAME` tells more of one.", style="dim")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The register's name, or another name for it.")],
    lang: Annotated[Language, typer.Option(help="Language of titles and descriptions.")] = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole entry as JSON.")] = False,
) -> None:
    """Show one register: what it holds, column by column, and where these facts come from.

    For example:

        sundbench registers show lmdb

        sundbench registers show lpr_diag --json
    """
    from sundbench.registers.catalogue import catalogue

    entries = catalogue()
    entry = entries[name]
    if as_json:
        typer.echo(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    words = WORDS[lang]
    screen.print(f"[bold]{entry.name}[/bold]  {escape(_in(entry.title, lang))}")
    screen.print(escape(_in(entry.description, lang)) + "\n")
    facts = Table.grid(padding=(0, 2, 0, 0))
    for label, text in _facts(entries, entry, lang):
        facts.add_row(f"[dim]{label}[/dim]", escape(text))
    screen.print(facts)
    columns = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    columns.add_column(words["column"], no_wrap=True)
    columns.add_column(words["type"], no_wrap=True)
    columns.add_column(words["holds"])
    columns.add_column(words["sensitivity"], no_wrap=True)
    for own, column in entry.columns.items():
        mark = "" if column.verified else "[yellow] ?[/yellow]"
        sensitivity = "" if column.sensitivity == "plain" else column.sensitivity
        columns.add_row(f"{own}{mark}", column.type, _meaning(column, lang), sensitivity)
    screen.print()
    screen.print(columns)
    if not all(column.verified for column in entry.columns.values()):
        screen.print(f"\n[yellow]{words['unverified']}[/yellow]")
    screen.print(f"\n[dim]{words['sources']}[/dim]")
    for source in entry.sources:
        rest = "".join(f", {part}" for part in (source.licence, source.url) if part)
        screen.print(f"- {escape(source.title + rest)}", soft_wrap=True)


def _in(text: Text, lang: Language) -> str:
    return text.da if lang is Language.DA else text.en


def _summary(entry: Register) -> dict[str, object]:
    """What ``list --json`` says of a register."""
    return {
        "name": entry.name,
        "title": entry.title.model_dump(),
        "aliases": list(entry.aliases),
        "coverage": entry.coverage.model_dump(mode="json"),
        "columns": len(entry.columns),
        "subject": entry.subject,
        "parent": entry.parent.name if entry.parent else None,
    }


def _facts(entries: Catalogue, entry: Register, lang: Language) -> list[tuple[str, str]]:
    """The register's coverage, date, way to its persons, other names and note, each with its label."""
    words = WORDS[lang]
    since, until = entry.coverage.since, entry.coverage.until
    covers = f"{since} - {until}" if until else f"{words['since']} {since}"
    dated_by = entries.date_column(entry.name)
    if entry.date is not None:
        date = f"{entry.date} ({entry.dates})"
    elif dated_by is not None and entry.parent is not None:
        date = f"{dated_by} ({words['of the parent'].format(entry.parent.name)})"
    else:
        date = words["undated"]
    if entry.parent is None:
        person = str(entry.subject)
    else:
        pairs = ", ".join(own if own == theirs else f"{own} = {theirs}" for own, theirs in entry.parent.on)
        person = words["through"].format(entry.parent.name, pairs)
        person += f"; {words['members']}" if entry.parent.members else ""
    facts = [(words["covers"], covers), (words["date"], date), (words["person"], person)]
    if entry.aliases:
        facts.append((words["aliases"], ", ".join(entry.aliases)))
    if entry.note is not None:
        facts.append((words["note"], _in(entry.note, lang)))
    return facts


def _meaning(column: Column, lang: Language) -> str:
    """What a column holds, its code system, codes, units and note, a line each, as rich markup."""
    words = WORDS[lang]
    system = ", ".join(part for part in (column.code_system, column.spelling) if part)
    first = column.da if lang is Language.DA else column.en
    lines = [escape(f"{first} ({system})" if system else first)]
    if column.labels:
        width = max(map(len, column.labels))
        lines += [
            f"  {escape(code.ljust(width))}  {escape(_in(text, lang))}"
            for code, text in column.labels.items()
        ]
    details = []
    if column.missing:
        details.append(f"{words['missing']}: {', '.join(column.missing)}")
    if column.aliases:
        details.append(f"{words['also']}: {', '.join(column.aliases)}")
    if column.oere != 100:
        details.append(words["unit"].format(f"{column.oere / 100:g}"))
    if column.note is not None:
        details.append(_in(column.note, lang))
    return "\n".join([*lines, *(f"[dim]{escape(detail)}[/dim]" for detail in details)])
