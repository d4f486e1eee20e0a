"""A freeze's data-quality report: quality.json for programs, quality.html for stewards.

What it tells of each register: rows by year beside the freeze before, years without rows, codes that the
catalogue doesn't know, missing values, repeated rows, what was quarantined, and months with many more or far
fewer rows than those around them.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from sundbench.registers.catalogue import Catalogue, Register
from sundbench.store.buckets import Tally

SPIKE = 3.0
"""A month stands out when it has this many times the rows of the months around it, or that part of them."""
_AROUND = 6  # months before and after, that a month is compared with
_FEW = 50  # months that usually have fewer rows than this are not judged
_SHOWN = 20  # codes shown a column
_LONGEST_CODE = 9  # what is longer is no code, and may be what must not be shown: a person number


def write_quality(
    folder: Path,
    manifest: Mapping[str, Any],
    tallies: Mapping[str, Tally],
    catalogue: Catalogue,
    before: Mapping[str, Any] | None,
) -> dict[str, str]:
    """Write the report into a freeze's folder.

    Args:
        folder: the freeze's.
        manifest: its freeze.json, but for the report's own digests.
        tallies: what was counted of each register.
        catalogue: what the registers are.
        before: quality.json of the freeze before, None if this is the first.

    Returns:
        The SHA-256 of each file written, by name.
    """
    registers = {
        name: _register(catalogue[name], manifest, tally, _earlier(before, name))
        for name, tally in sorted(tallies.items())
    }
    findings = []
    if before is not None:
        lost = sorted(set(before["registers"]) - set(registers))
        what = f"was in freeze {before['freeze']}, is not in this one"
        findings += [{"register": name, "what": what} for name in lost]
    findings += [
        {"register": name, "what": what} for name, told in registers.items() for what in told["findings"]
    ]
    quality = {
        "freeze": manifest["freeze"],
        "created": manifest["created"],
        "before": None if before is None else before["freeze"],
        "findings": findings,
        "unknown_files": manifest["unknown_files"],
        "registers": registers,
    }
    written = {
        "quality.json": json.dumps(quality, ensure_ascii=False, indent=1).encode(),
        "quality.html": _page(quality).encode(),
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}


def by_year(months: Mapping[int, int]) -> dict[str, int]:
    """Rows by year, from rows by month (year * 100 + month)."""
    years: Counter[int] = Counter()
    for month, rows in months.items():
        years[month // 100] += rows
    return {str(year): years[year] for year in sorted(years)}


def spikes(months: Mapping[int, int]) -> list[dict[str, int]]:
    """Months that stand out from those around them.

    Args:
        months: rows by month (year * 100 + month); the first and last are not judged, since a delivery may
            begin and end within a month.

    Returns:
        month, rows, and the median of the six months before and the six after.
    """
    if len(months) < 3:
        return []
    line = _line(min(months), max(months))
    rows = [months.get(month, 0) for month in line]
    found = []
    for place in range(1, len(line) - 1):
        around = rows[max(0, place - _AROUND) : place] + rows[place + 1 : place + 1 + _AROUND]
        usual = statistics.median(around)
        if usual >= _FEW and not usual / SPIKE < rows[place] < usual * SPIKE:
            found.append({"month": line[place], "rows": rows[place], "usual": int(usual)})
    return found


def _register(
    entry: Register, manifest: Mapping[str, Any], tally: Tally, earlier: Mapping[str, Any] | None
) -> dict[str, Any]:
    sources = [source for source in manifest["sources"] if source["register"] == entry.name]
    quarantined: Counter[str] = Counter()
    for source in sources:
        quarantined.update(source["quarantined"])
    read = sum(source["read"] for source in sources)
    years = by_year(tally.months)
    delivered = manifest["registers"][entry.name]["columns"]
    monthly = entry.dates in {"service", "event", "fee week"} or (entry.dates is None and bool(tally.months))
    told: dict[str, Any] = {
        "title": entry.title.model_dump(),
        "rows": tally.rows,
        "read": read,
        "quarantined": dict(sorted(quarantined.items())),
        "duplicates": tally.duplicates,
        "years": years,
        "years_before": None if earlier is None else earlier["years"],
        "coverage": manifest["registers"][entry.name]["coverage"],
        "stated_coverage": {
            "since": str(entry.coverage.since),
            "until": str(entry.coverage.until) if entry.coverage.until else None,
        },
        "gaps": _gaps(years, entry),
        "missing": {name: tally.nulls[name] for name in delivered if tally.nulls[name]},
        "unknown_codes": _unknown_codes(entry, tally),
        "outside_coverage": _outside(tally.months, entry),
        "spikes": spikes(tally.months) if monthly else [],
        "absent_columns": sorted(set(entry.columns) - set(delivered) - {entry.subject}),
        "unknown_columns": sorted({name for source in sources for name in source["unknown_columns"]}),
        "partial_columns": _partial(sources),
    }
    told["findings"] = _findings(told, read, earlier)
    return told


def _findings(told: Mapping[str, Any], read: int, earlier: Mapping[str, Any] | None) -> list[str]:
    """What a steward should look at, one line each."""
    found = []
    if not read:
        found.append("no rows were delivered")
    for reason, rows in told["quarantined"].items():
        found.append(f"{rows:,} of {read:,} rows are quarantined: {reason}")
    if told["gaps"]:
        found.append(f"no rows in {', '.join(told['gaps'])}")
    if told["outside_coverage"]:
        found.append(f"{told['outside_coverage']:,} rows are dated outside the years that the register holds")
    for column, codes in told["unknown_codes"].items():
        rows = sum(codes.values())
        found.append(f"{rows:,} rows have a {column} that the catalogue doesn't know")
    for spike in told["spikes"][:12]:
        month = f"{spike['month'] // 100}-{spike['month'] % 100:02d}"
        found.append(f"{spike['rows']:,} rows in {month}, usually {spike['usual']:,}")
    if told["duplicates"]:
        found.append(f"{told['duplicates']:,} rows repeat another one in every column")
    if told["unknown_columns"]:
        names = ", ".join(told["unknown_columns"])
        found.append(f"columns that the catalogue doesn't know were left out: {names}")
    if told["partial_columns"]:
        found.append(f"columns that only some files have: {', '.join(told['partial_columns'])}")
    found += [
        f"{column}: missing in every row" for column, rows in told["missing"].items() if rows == told["rows"]
    ]
    if earlier is not None:
        found += _changes(told["years"], earlier["years"])
    return found


def _changes(now: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    """Years that lost rows since the freeze before, or changed by more than a tenth."""
    found = []
    for year, rows in before.items():
        new = now.get(year, 0)
        if new < rows * 0.99 or new > rows * 1.1:
            found.append(f"{year}: {new:,} rows, {rows:,} in the freeze before")
    return found


def _gaps(years: Mapping[str, int], entry: Register) -> list[str]:
    """Years without rows between the first and the last that has any, within the stated coverage."""
    if not years:
        return []
    first = max(int(min(years)), entry.coverage.since.year)
    last = min(int(max(years)), entry.coverage.until.year if entry.coverage.until else 9999)
    return [str(year) for year in range(first, last + 1) if str(year) not in years]


def _outside(months: Mapping[int, int], entry: Register) -> int:
    """Rows dated in months before or after those that the register is known to hold."""
    since, until = entry.coverage.since, entry.coverage.until
    first = since.year * 100 + since.month
    last = until.year * 100 + until.month if until else 999_999
    if entry.dates == "year" or all(month % 100 == 0 for month in months):
        first, last = since.year * 100, last // 100 * 100
    return sum(rows for month, rows in months.items() if not first <= month <= last)


def _unknown_codes(entry: Register, tally: Tally) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for column, counts in tally.codes.items():
        unknown: Counter[str] = Counter()
        for code, rows in counts.items():
            if code not in entry.columns[column].labels:
                unknown[code if len(code) <= _LONGEST_CODE else "(no code: too long)"] += rows
        shown = dict(unknown.most_common(_SHOWN))
        rest = unknown.total() - sum(shown.values())
        if shown:
            found[column] = shown | ({"(others)": rest} if rest else {})
    return found


def _partial(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    absent = [set(source["missing_columns"]) for source in sources]
    return sorted(set.union(*absent) - set.intersection(*absent)) if absent else []


def _earlier(before: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    told: Mapping[str, Any] | None = None if before is None else before["registers"].get(name)
    return told


def _line(first: int, last: int) -> list[int]:
    """All months (year * 100 + month) from the first to the last."""
    begin, end = first // 100 * 12 + first % 100 - 1, last // 100 * 12 + last % 100 - 1
    return [month // 12 * 100 + month % 12 + 1 for month in range(begin, end + 1)]


def _page(quality: Mapping[str, Any]) -> str:
    template = files("sundbench.store").joinpath("quality.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(quality=quality)
