"""What an output is: the table or figure that would leave, and the card that says what stands behind it.

An output is ``<name>.parquet`` or ``<name>.svg``, which would leave, and ``<name>.json``, its card. The
card's evidence (persons at risk, largest contributors) is for the check and the reviewers: it never leaves.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sundbench.errors import DisclosureError, one_line
from sundbench.registers.catalogue import Text

Kind = Literal["counts", "magnitudes", "estimates", "curve", "cube", "checklist", "figure"]
Role = Literal["dimension", "persons", "events", "value", "time", "replicate", "answer"]

NAME = r"^[a-z][a-z0-9_]{0,47}$"
"""An output's name: it becomes a file name and an anchor in reports."""

TOTAL = "total"
"""In a dimension: the row is the sum over that dimension. An empty text means the same."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Model):
    """One column of an output's table.

    Attributes:
        role: dimension; persons (a count of persons); events (a count of events); value; time (of a curve);
            replicate (the number of a simulation draw); answer (prose of a checklist).
        unit: what a value is measured in, such as ``DKK`` or ``years``.
        label: what it is called in tables and figures.
        persons: the column, or evidence, with the number of persons behind each value; None means that
            the output's own ``persons`` stand behind every value.
        events: the evidence with the number of events that gathered at each step of a curve.
        largest: the evidence with the largest and the second-largest single contribution to each value.
        total: how the value adds up: a ``sum`` over persons or a ``mean`` of them.
        holders: the evidence with the number of persons who have exactly this value (percentiles, extremes).
    """

    role: Role
    unit: str | None = None
    label: Text | None = None
    persons: str | None = None
    events: str | None = None
    largest: tuple[str, str] | None = None
    total: Literal["sum", "mean"] | None = None
    holders: str | None = None


class Output(_Model):
    """The card of an output (``<name>.json``).

    Attributes:
        name: also the name of its files.
        kind: what sort of table it is, or ``figure``.
        title: shown above it.
        note: shown under it.
        rows: rows of the table; 0 for a figure.
        columns: the table's columns, in order.
        persons: persons behind every value, where one number holds for all.
        events: events behind every value, where one number holds for all.
        parameters: fitted parameters of the model that the values come from.
        flow_chart: rows are steps, each a part of the one before.
        exclusive: no person is counted in two rows but totals, so that rows may be added up.
        drawn_from: for a figure, the output that holds every number in it.
        alt: for a figure, what it shows, for who can't see it.
        file: the file that would leave.
        digest: its SHA-256.
        evidence: by name, one number a row of the table. Stays with the reviewers.
    """

    name: str = Field(pattern=NAME)
    kind: Kind
    title: Text
    note: Text | None = None
    rows: int = Field(default=0, ge=0)
    columns: dict[str, Column] = Field(default_factory=dict)
    persons: int | None = Field(default=None, ge=0)
    events: int | None = Field(default=None, ge=0)
    parameters: int | None = Field(default=None, ge=0)
    flow_chart: bool = False
    exclusive: bool = True
    drawn_from: str | None = None
    alt: Text | None = None
    file: str
    digest: str
    evidence: dict[str, list[float | None]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        suffix = "svg" if self.kind == "figure" else "parquet"
        if self.file != f"{self.name}.{suffix}":
            raise ValueError(f"file must be {self.name}.{suffix}")
        if (self.kind == "figure") != (self.drawn_from is not None):
            raise ValueError("a figure, and nothing else, says what it is drawn from")
        for name, values in self.evidence.items():
            if len(values) != self.rows:
                raise ValueError(f"evidence {name} has {len(values)} numbers for {self.rows} rows")
        known = self.columns.keys() | self.evidence.keys()
        for name, column in self.columns.items():
            behind = [column.persons, column.events, column.holders, *(column.largest or ())]
            missing = [reference for reference in behind if reference is not None and reference not in known]
            if missing:
                raise ValueError(f"column {name} points to {missing[0]}, which is not there")
        return self

    def having(self, *roles: Role) -> list[str]:
        """The columns that have one of these roles, in the table's order."""
        return [name for name, column in self.columns.items() if column.role in roles]

    def without_evidence(self) -> Output:
        """The card as it may leave."""
        bare = {
            name: column.model_copy(
                update={
                    "persons": column.persons if column.persons in self.columns else None,
                    "events": column.events if column.events in self.columns else None,
                    "largest": None,
                    "holders": None,
                }
            )
            for name, column in self.columns.items()
        }
        return self.model_copy(update={"columns": bare, "evidence": {}})


def digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_card(path: Path) -> Output:
    """Read an output's card.

    Raises:
        DisclosureError: the card is not one, in one line.
    """
    try:
        return Output.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DisclosureError(one_line(error, f"card {path.name}")) from error
