"""What a register of an extract holds, for reading: the catalogue's help beside what the extract has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from sundbench.registers.catalogue import Catalogue, Column, Register, Text

STYLE = (
    "<style>.sundbench-help{font-size:.92em;line-height:1.45}"
    ".sundbench-help table{border-collapse:collapse;margin:.6em 0}"
    # The class twice, for JupyterLab's own rule puts tables of numbers to the right with one more.
    ".sundbench-help.sundbench-help th,.sundbench-help.sundbench-help td{text-align:left;"
    "vertical-align:top;padding:.25em .9em .25em 0;border-bottom:1px solid #d3dae3;background:none}"
    ".sundbench-help.sundbench-help td.number{text-align:right;font-variant-numeric:tabular-nums}"
    ".sundbench-help small{color:#48566a}.sundbench-help summary{cursor:pointer}</style>"
)
"""The look of help in notebooks; the colours are those of the reports."""


@dataclass(frozen=True)
class Described:
    """The help of one register; notebooks show it as a table, consoles as text.

    Attributes:
        register: its entry in the catalogue.
        held: what ``extract.json`` says of it: columns, rows and coverage.
        catalogue: where the entry comes from.
    """

    register: Register
    held: Mapping[str, Any]
    catalogue: Catalogue

    @property
    def columns(self) -> dict[str, Column | None]:
        """The extract's columns with what the catalogue knows of them; None for ``person``."""
        return {name: self._column(name) for name in self.held["columns"]}

    @property
    def not_held(self) -> list[str]:
        """Columns of the register that the permit doesn't give or the delivery hadn't got."""
        return [
            name
            for name in self.register.columns
            if name not in self.held["columns"] and name != self.register.subject
        ]

    def __repr__(self) -> str:
        entry = self.register
        lines = [
            f"{entry.name}: {entry.title.da} / {entry.title.en}",
            entry.description.da,
            entry.description.en,
        ]
        if entry.note is not None:
            lines += [f"! {entry.note.da}", f"! {entry.note.en}"]
        lines += ["", *self._facts(), ""]
        width = max(map(len, self.columns))
        for name, column in self.columns.items():
            kind, text = _kind(column), _texts(column)
            lines.append(f"{name:{width}}  {kind:8}  {text.da} / {text.en}{_system(column)}")
            indent = " " * (width + 12)
            lines += [f"{indent}{code} = {label.da} / {label.en}" for code, label in _labels(column)]
            if column is not None and column.note is not None:
                lines += [f"{indent}! {column.note.da}", f"{indent}! {column.note.en}"]
        if self.not_held:
            lines += ["", f"ikke i udtrækket / not in the extract: {', '.join(self.not_held)}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        entry = self.register
        parts = [STYLE, '<div class="sundbench-help">']
        parts.append(
            f"<p><b><code>{escape(entry.name)}</code> {escape(entry.title.da)}</b> "
            f"<small>{escape(entry.title.en)}</small><br>{escape(entry.description.da)}<br><small>{escape(entry.description.en)}</small></p>"
        )
        if entry.note is not None:
            parts.append(f"<p>{escape(entry.note.da)}<br><small>{escape(entry.note.en)}</small></p>")
        parts.append(f"<p>{'<br>'.join(escape(fact) for fact in self._facts())}</p>")
        parts.append(
            "<table><thead><tr><th>kolonne / column</th><th>type</th><th>indhold / what it holds</th>"
            "<th>koder / codes</th></tr></thead><tbody>"
        )
        parts += [self._row(name, column) for name, column in self.columns.items()]
        parts.append("</tbody></table>")
        if self.not_held:
            names = ", ".join(f"<code>{escape(name)}</code>" for name in self.not_held)
            parts.append(f"<p><small>ikke i udtrækket / not in the extract: {names}</small></p>")
        parts.append("</div>")
        return "".join(parts)

    def _row(self, name: str, column: Column | None) -> str:
        text = _texts(column)
        holds = f"{escape(text.da)}<br><small>{escape(text.en)}</small>"
        if column is not None and column.note is not None:
            holds += f"<br><small>! {escape(column.note.da)}<br>! {escape(column.note.en)}</small>"
        labels = [
            f"<code>{escape(code)}</code> {escape(label.da)} <small>{escape(label.en)}</small>"
            for code, label in _labels(column)
        ]
        codes = "<br>".join([escape(_system(column).strip(" ()")), *labels] if _system(column) else labels)
        cells = (f"<code>{escape(name)}</code>", _kind(column), holds, codes)
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

    def _facts(self) -> list[str]:
        covered = self.held.get("coverage") or {}
        entry = self.register
        facts = [f"rækker / rows: {self.held.get('rows', 0):,}"]
        if covered.get("since"):
            facts.append(f"dækker her / covers here: {covered['since']} - {covered['until']}")
        until = entry.coverage.until or ""
        facts.append(f"registret dækker / the register covers: {entry.coverage.since} - {until}".rstrip())
        dated = self.catalogue.date_column(entry.name)
        if dated is not None:
            of_parent = entry.parent is not None and dated not in entry.columns
            what = entry.parent.name if of_parent and entry.parent else entry.dates
            facts.append(f"dateret ved / dated by: {dated} ({what})")
        if entry.aliases:
            facts.append(f"kaldes også / also called: {', '.join(entry.aliases)}")
        return facts

    def _column(self, name: str) -> Column | None:
        """A column's entry; a child's date is its parent's."""
        entry = self.register
        while name not in entry.columns and entry.parent is not None:
            entry = self.catalogue[entry.parent.name]
        return entry.columns.get(name)


_PERSON = Text(da="Personens pseudonym i dette projekt", en="The person's pseudonym in this project")


def _texts(column: Column | None) -> Text:
    return _PERSON if column is None else Text(da=column.da, en=column.en)


def _kind(column: Column | None) -> str:
    if column is None:
        return "person"
    return "øre" if column.type == "money" else column.type


def _system(column: Column | None) -> str:
    if column is None or column.code_system is None:
        return ""
    return f" ({', '.join(part for part in (column.code_system, column.spelling) if part)})"


def _labels(column: Column | None) -> Iterator[tuple[str, Text]]:
    if column is not None:
        yield from column.labels.items()
