"""What ``sundbench demo`` needs of each study that it can walk through, kept as data: walkthroughs.toml."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from math import isnan
from typing import TYPE_CHECKING, Any

from sundbench.errors import SundbenchError

if TYPE_CHECKING:
    from rich.table import Table

    from sundbench.release.released import Released


@dataclass(frozen=True)
class Line:
    """An estimate and the truth beside which it is shown.

    Attributes:
        what: what is estimated.
        output: the released output that holds it.
        row: the values by which its row is found, by column.
        truth: where the planted value stands in truth.json, its keys joined by dots.
        estimate: the column of the estimate; its limits are ``lower`` and ``upper``.
        decimals: how many are shown.
    """

    what: str
    output: str
    row: Mapping[str, str]
    truth: str
    estimate: str = "estimate"
    decimals: int = 0


@dataclass(frozen=True)
class Walkthrough:
    """What the demo of one study needs.

    Attributes:
        study: the study, and the report of the same name.
        permit: the permit's id.
        title: the permit's, in Danish and English.
        caption: of the table that shows estimates beside the truth.
        population: the permit's rule, as a permit file has it.
        lines: the table's.
    """

    study: str
    permit: str
    title: Mapping[str, str]
    caption: str
    population: str
    lines: tuple[Line, ...]

    def permit_text(self, registers: Mapping[str, tuple[str, ...]], member: str, today: date) -> str:
        """A permit file for what the study reads, which expires in a year."""
        expires = today.replace(year=today.year + 1, day=min(today.day, 28))
        text = f"""\
id = "{self.permit}"
title = {{ da = {json.dumps(self.title["da"])}, en = {json.dumps(self.title["en"])} }}
purpose = "To show the whole way on invented persons"
basis = "None needed: every person is invented"
members = [{{ user = "{member}", role = "researcher" }}]
period = {{ since = 1995-01-01, until = 2025-12-31 }}
expires = {expires}
disclosure = "sundhedsdatastyrelsen"

[population]
{self.population.strip()}
"""
        for name, columns in registers.items():
            text += f"\n[registers.{name}]\ncolumns = {json.dumps(columns)}\n"
        return text

    def beside_truth(
        self, results: Released, truth: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Table:
        """The estimates, each beside what was planted."""
        from rich.table import Table

        said = {
            name: f"{value:g}" if isinstance(value, float) else value for name, value in parameters.items()
        }
        table = Table("", "estimate", "95 % interval", "planted truth", "", title=self.caption.format(**said))
        for line in self.lines:
            true = _at(truth, line.truth.format(**said))
            table.add_row(line.what, *_cells(line, results, true))
        return table


def _at(truth: Mapping[str, Any], path: str) -> float:
    value: Any = truth
    for key in path.split("."):
        value = value[key]
    return float(value)


def _cells(line: Line, results: Released, true: float) -> tuple[str, str, str, str]:
    form = f",.{line.decimals}f"
    if line.output not in results.names:
        return "too few events", "", format(true, form), ""
    rows = results.table(line.output)
    for column, value in line.row.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        return "too few events", "", format(true, form), ""
    estimate, lower, upper = (float(rows[name].iloc[0]) for name in (line.estimate, "lower", "upper"))
    # A limit is missing where so little may be gained that the ratio has no bound.
    bounded = not (isnan(lower) or isnan(upper))
    interval = f"{lower:{form}} to {upper:{form}}" if bounded else "unbounded"
    inside = not (true < lower or true > upper)
    return format(estimate, form), interval, format(true, form), "within" if inside else "outside"


@cache
def walkthroughs() -> dict[str, Walkthrough]:
    """Those that there are, by study."""
    table = tomllib.loads(files(__package__).joinpath("walkthroughs.toml").read_text(encoding="utf-8"))
    return {
        study: Walkthrough(study=study, **about | {"lines": tuple(Line(**line) for line in about["lines"])})
        for study, about in table.items()
    }


def walkthrough(study: str) -> Walkthrough:
    """The walkthrough of a study.

    Raises:
        SundbenchError: there is none.
    """
    known = walkthroughs()
    if study not in known:
        raise SundbenchError(f"demo: study {study} has no walkthrough: choose one of {', '.join(known)}")
    return known[study]
