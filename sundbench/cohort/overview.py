"""An extract at a glance: whose data, how many persons, which registers and years."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from sundbench.cohort.described import STYLE
from sundbench.registers.catalogue import Text, catalogue

_UNKNOWN = Text(da="(ukendt for kataloget)", en="(unknown to the catalogue)")


def text(manifest: Mapping[str, Any]) -> str:
    """For consoles."""
    lines = [_heading(manifest), *_facts(manifest), ""]
    rows = [
        (name, f"{rows:,}", covers, f"{title.da} / {title.en}")
        for name, rows, covers, title in _rows(manifest)
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(3)] if rows else [0, 0, 0]
    lines += [
        f"  {name:{widths[0]}}  {count:>{widths[1]}}  {covers:{widths[2]}}  {title}"
        for name, count, covers, title in rows
    ]
    first = next(iter(sorted(manifest["registers"])), "bef")
    lines += ["", f'db["{first}"].describe()  hvad registret rummer / what the register holds']
    return "\n".join(lines)


def html(manifest: Mapping[str, Any]) -> str:
    """For notebooks."""
    facts = "<br>".join(escape(fact) for fact in _facts(manifest))
    rows = "".join(
        f'<tr><td><code>{escape(name)}</code></td><td class="number">{count:,}</td><td>{escape(covers)}</td>'
        f"<td>{escape(title.da)}<br><small>{escape(title.en)}</small></td></tr>"
        for name, count, covers, title in _rows(manifest)
    )
    return (
        f'{STYLE}<div class="sundbench-help"><p><b>{escape(_heading(manifest))}</b><br>{facts}</p>'
        "<table><thead><tr><th>register</th><th>rækker / rows</th><th>dækker / covers</th><th></th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _heading(manifest: Mapping[str, Any]) -> str:
    invented = manifest.get("synthetic") is True
    what = "OPDIGTEDE PERSONER / INVENTED PERSONS" if invented else "REGISTERDATA / REGISTER DATA"
    return f"{manifest.get('permit', 'extract')}: {what}"


def _facts(manifest: Mapping[str, Any]) -> list[str]:
    facts = []
    if "persons" in manifest:
        facts.append(f"personer / persons: {manifest['persons']:,}")
    period = manifest.get("period")
    if period:
        facts.append(f"periode / period: {period['since']} - {period['until']}")
    if "freeze" in manifest:
        facts.append(f"frys / freeze: {manifest['freeze']}")
    return facts


def _rows(manifest: Mapping[str, Any]) -> list[tuple[str, int, str, Text]]:
    rows = []
    for name, held in sorted(manifest["registers"].items()):
        covered = held.get("coverage") or {}
        covers = f"{covered['since']} - {covered['until']}" if covered.get("since") else ""
        entry = catalogue().resolve(name)
        rows.append((name, int(held.get("rows", 0)), covers, entry.title if entry else _UNKNOWN))
    return rows
