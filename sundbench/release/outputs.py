"""How results leave a notebook: aggregates, each with the counts that the disclosure check needs.

``outputs()`` opens the outbox that the run was given. Each method writes one output: its table or figure,
which may leave after check and review, and its card, which says what stands behind every value.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from pydantic import ValidationError

from sundbench import aside
from sundbench.disclosure.encoding import parquet, rounded
from sundbench.disclosure.output import NAME, Column, Kind, Output
from sundbench.errors import ReleaseError, one_line
from sundbench.registers.catalogue import Text
from sundbench.release.figures import svg
from sundbench.release.tables import Table, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sundbench.cohort.database import Database
    from sundbench.cohort.study import Study

OUTBOX = "SUNDBENCH_OUTBOX"
"""The environment variable that names the outbox of a run."""

Said = str | Mapping[str, str] | None
"""A text in both languages (``{"da": ..., "en": ...}``), or one that is the same in both."""


class Saying(TypedDict, total=False):
    """What any output may say of itself.

    Attributes:
        title: shown above it; by default its name.
        note: shown under it.
        labels: what columns are called.
        units: what columns are measured in, such as ``DKK``, ``years`` or ``percent``.
    """

    title: Said
    note: Said
    labels: Mapping[str, Said]
    units: Mapping[str, str]


def outputs(folder: Path | str | None = None) -> Outputs:
    """Open the outbox.

    Args:
        folder: where outputs are written; by default the one that the run was given (``SUNDBENCH_OUTBOX``).

    Raises:
        ReleaseError: no folder was given.
    """
    chosen = folder or os.environ.get(OUTBOX)
    if not chosen:
        raise ReleaseError(
            f"no outbox: {OUTBOX} is not set; start the study with `sundbench run`, or give outputs(folder) "
            "while you write it"
        )
    path = Path(chosen)
    path.mkdir(parents=True, exist_ok=True)
    return Outputs(path)


class Outputs:
    """Writes outputs to an outbox.

    Every method takes, besides its own arguments, what ``Saying`` lists: title, note, labels, units.
    Frames may be pandas (a named index becomes columns), Polars, or a result that has a ``.table``.
    Names are lower-case letters, digits and underscores, and each is used once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[str, Kind] = {}

    def counts(
        self,
        name: str,
        frame: object,
        *,
        by: Sequence[str],
        persons: str | Sequence[str] = "persons",
        events: str | Sequence[str] = (),
        flow_chart: bool = False,
        exclusive: bool = True,
        **said: Unpack[Saying],
    ) -> None:
        """Counts of persons by dimensions.

        Args:
            name: the output's name.
            frame: one row a cell. Only the columns in ``by``, ``persons`` and ``events`` may be there.
            by: the dimensions. ``"total"`` or an empty text in one of them marks a sum over it; null is a
                category of its own (missing).
            persons: the columns that count persons. Null is a suppressed cell.
            events: columns that count events (contacts, dispensings): checked like persons.
            flow_chart: rows are steps, each a part of the one before (within the other dimensions).
            exclusive: no person stands in two rows but totals. Say False for tables of comorbidities and
                the like, whose rows overlap.
            **said: title, note, labels, units.
        """
        roles = _roles(dimension=by, persons=_several(persons), events=_several(events))
        extra = {"flow_chart": flow_chart, "exclusive": exclusive}
        self._write(name, "counts", frame, roles, said=said, extra=extra)

    def cube(
        self,
        name: str,
        frame: object,
        *,
        by: Sequence[str],
        persons: str | Sequence[str] = "persons",
        **said: Unpack[Saying],
    ) -> None:
        """Counts of persons by several dimensions, to be explored in a dashboard.

        Args:
            name: the output's name.
            frame: one row a cell; only the columns in ``by`` and ``persons``.
            by: the dimensions, as for ``counts``.
            persons: the columns that count persons.
            **said: title, note, labels, units.
        """
        self._write(name, "cube", frame, _roles(dimension=by, persons=_several(persons)), said=said)

    def magnitudes(
        self,
        name: str,
        frame: object,
        *,
        by: Sequence[str],
        largest: Mapping[str, tuple[str, str]],
        persons: str = "persons",
        means: Iterable[str] = (),
        **said: Unpack[Saying],
    ) -> None:
        """Sums (or means) of what persons contribute, such as costs by component.

        Args:
            name: the output's name.
            frame: one row a cell: dimensions, persons, values, and each value's two largest contributions.
            by: the dimensions.
            largest: for each value column, the columns with its largest and second-largest single
                contribution (in absolute value). These go to the reviewers and never leave.
            persons: the column that counts persons with a contribution.
            means: those of the value columns that are means over ``persons``, not sums.
            **said: title, note, labels, units.
        """
        averaged = set(means)
        behind = {
            value: Column(
                role="value", persons=persons, largest=pair, total="mean" if value in averaged else "sum"
            )
            for value, pair in largest.items()
        }
        roles = _roles(dimension=by, persons=[persons]) | behind
        evidence = [column for pair in largest.values() for column in pair]
        self._write(name, "magnitudes", frame, roles, said=said, evidence=evidence)

    def estimates(
        self,
        name: str,
        result: object,
        *,
        persons: int | str,
        events: int | str | None = None,
        by: Sequence[str] | None = None,
        parameters: int | None = None,
        holders: Mapping[str, str] | None = None,
        replicate: str | None = None,
        **said: Unpack[Saying],
    ) -> None:
        """Estimates: ratios, differences, means, coefficients, each resting on many persons.

        Args:
            name: the output's name.
            result: a frame, or a result with a ``.table``.
            persons: how many persons are behind every value, or the column that counts them row by row.
            events: likewise for events.
            by: the dimensions; by default every column of text.
            parameters: how many parameters the model fitted; by default the number of rows. Residual
                degrees of freedom are persons minus parameters.
            holders: for a median, percentile or extreme: the column that counts the persons who hold
                exactly that value. It goes to the reviewers and never leaves.
            replicate: the column that numbers simulation draws (bootstrap), where rows are draws.
            **said: title, note, labels, units.
        """
        table = tidy(result, name)
        text = [column for column, kind in table.kinds.items() if kind in {"text", "boolean"}]
        holding = dict(holders or {})
        roles = _roles(dimension=text if by is None else by)
        behind = persons if isinstance(persons, str) else None
        for column, role in ((persons, "persons"), (events, "events")):
            if isinstance(column, str):
                roles[column] = Column(role="persons" if role == "persons" else "events")
        if replicate is not None:
            roles[replicate] = Column(role="replicate")
        for column in table.columns:
            if column not in roles and column not in holding.values():
                roles[column] = Column(role="value", persons=behind, holders=holding.get(column))
        extra = {
            "persons": persons if isinstance(persons, int) else None,
            "events": events if isinstance(events, int) else None,
            "parameters": parameters,
            "exclusive": False,
        }
        self._write(name, "estimates", table, roles, said=said, evidence=list(holding.values()), extra=extra)

    def curve(
        self,
        name: str,
        result: object,
        *,
        time: str = "time",
        persons: str = "at_risk",
        events: str = "events",
        by: Sequence[str] | None = None,
        **said: Unpack[Saying],
    ) -> None:
        """A survival or incidence curve, as steps.

        Args:
            name: the output's name.
            result: one row a step: dimensions, time, persons still at risk after the step, events that
                gathered since the one before, and the values (all other numbers).
                ``disclosure.curve`` makes it.
            time: the column of times.
            persons: the column of persons still at risk. It goes to the reviewers and never leaves.
            events: the column of events since the step before. It never leaves either.
            by: the dimensions; by default every column of text.
            **said: title, note, labels, units.
        """
        table = tidy(result, name)
        text = [column for column, kind in table.kinds.items() if kind in {"text", "boolean"}]
        roles = _roles(dimension=text if by is None else by) | {time: Column(role="time")}
        for column in table.columns:
            if column not in roles and column not in {persons, events}:
                roles[column] = Column(role="value", persons=persons, events=events)
        self._write(
            name, "curve", table, roles, said=said, evidence=[persons, events], extra={"exclusive": False}
        )

    def checklist(
        self,
        name: str,
        study: Study,
        db: Database,
        *,
        designs: Sequence[str] | None = None,
        exposures: Sequence[str] = (),
        **said: Unpack[Saying],
    ) -> None:
        """The items of RECORD-PE that the study's protocol answers, in Danish and English.

        The answers are the library's, made from the protocol and the extract's description. What only the
        author knows goes into the report's ``report.toml``.

        Args:
            name: the output's name.
            study: the protocol.
            db: the extract that it was run over.
            designs: of the analysis, such as ``"self-controlled case series"``; by default the population's.
            exposures: those of the study's outcomes that are exposures.
            **said: title and note.

        Raises:
            StudyError: no study, an unknown design or exposure, or what the extract can't give.
        """
        from sundbench.cohort.record_pe import checklist

        rows = checklist(study, db, designs=designs, exposures=exposures)
        title = {"da": "Rapportering efter RECORD-PE", "en": "Reporting after RECORD-PE"}
        roles = _roles(dimension=["item"], answer=["da", "en"])
        self._write(name, "checklist", rows, roles, said={"title": title, **said})

    def figure(
        self, name: str, figure: Figure, *, data: str, alt: Said = None, **said: Unpack[Saying]
    ) -> None:
        """A figure, drawn from an output that has been written already.

        Args:
            name: the output's name.
            figure: a matplotlib figure. It becomes SVG: lines and paths only, the same bytes every time.
            data: the name of the output that holds every number in the figure.
            alt: what the figure shows, in words, for who can't see it.
            **said: title and note.

        Raises:
            ReleaseError: no such output has been written.
        """
        if data not in self._written or self._written[data] == "figure":
            raise ReleaseError(f"figure {name}: write the output {data} that it is drawn from first")
        content = svg(figure, salt=name)
        about = _about(name, said, columns=())
        card = _card(
            name,
            kind="figure",
            drawn_from=data,
            alt=_text(alt, f"figure {name}: alt") if alt is not None else about["title"],
            file=f"{name}.svg",
            digest=hashlib.sha256(content).hexdigest(),
            title=about["title"],
            note=about["note"],
        )
        self._store(card, content)

    def _write(
        self,
        name: str,
        kind: Kind,
        frame: object,
        roles: Mapping[str, Column],
        *,
        said: Saying,
        evidence: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        table = frame if isinstance(frame, Table) else tidy(frame, name)
        wanted = [*roles, *evidence]
        missing = [column for column in wanted if column not in table.columns]
        if missing:
            raise ReleaseError(
                f"output {name}: no column {missing[0]}; the table has {', '.join(table.columns)}"
            )
        undeclared = [column for column in table.columns if column not in wanted]
        if undeclared:
            raise ReleaseError(
                f"output {name}: column {undeclared[0]} is neither dimension, count nor value: say which, or "
                "leave it out"
            )
        leaving = [column for column in table.columns if column in roles]
        about = _about(name, said, leaving)
        columns = {
            column: roles[column].model_copy(
                update={"unit": about["units"].get(column), "label": about["labels"].get(column)}
            )
            for column in leaving
        }
        table = table.whole([column for column in leaving if roles[column].role in {"persons", "events"}])
        content = parquet(rounded(table.arrow.select(leaving)))
        card = _card(
            name,
            kind=kind,
            title=about["title"],
            note=about["note"],
            rows=table.rows,
            columns=columns,
            file=f"{name}.parquet",
            digest=hashlib.sha256(content).hexdigest(),
            evidence={column: table.numbers(column) for column in evidence},
            **(extra or {}),
        )
        self._store(card, content)

    def _store(self, card: Output, content: bytes) -> None:
        if card.name in self._written:
            raise ReleaseError(f"output {card.name} is written already: give each output its own name")
        # The card goes last: a file without one is refused by the check, so nothing half-written passes.
        for path, data in (
            (self.folder / card.file, content),
            (self.folder / f"{card.name}.json", card.model_dump_json(indent=1, exclude_none=True).encode()),
        ):
            aside.write(path, data, mode=0o666)
        self._written[card.name] = card.kind


def _card(name: str, **fields: Any) -> Output:  # noqa: ANN401 - the card checks them
    try:
        return Output(name=name, **fields)
    except ValidationError as error:
        raise ReleaseError(one_line(error, f"output {name}")) from error


def _roles(**columns: Iterable[str]) -> dict[str, Column]:
    # The keywords are roles by construction; pydantic refuses any other.
    roles: dict[str, Column] = {}
    for role, names in columns.items():
        roles |= {name: Column.model_validate({"role": role}) for name in names}
    return roles


def _several(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _about(name: str, said: Saying, columns: Sequence[str]) -> dict[str, Any]:
    """Check and complete title, note, labels and units."""
    if not re.match(NAME, name):
        raise ReleaseError(
            f"output {name!r}: use lower-case letters, digits and underscores, at most 48, a letter first"
        )
    unknown = said.keys() - Saying.__annotations__.keys()
    if unknown:
        raise ReleaseError(f"output {name}: unknown argument {min(unknown)}")
    labels, units = said.get("labels") or {}, said.get("units") or {}
    for where in (labels, units):
        strange = [column for column in where if column not in columns]
        if strange:
            raise ReleaseError(
                f"output {name}: a label or unit names the column {strange[0]}, not in the table"
            )
    title = said.get("title") or name.replace("_", " ").capitalize()
    note = said.get("note")
    return {
        "title": _text(title, f"output {name}: title"),
        "note": None if note is None else _text(note, f"output {name}: note"),
        "labels": {column: _text(text, f"output {name}: label") for column, text in labels.items()},
        "units": dict(units),
    }


def _text(said: Said, where: str) -> Text:
    if isinstance(said, str):
        return Text(da=said, en=said)
    try:
        return Text.model_validate(said)
    except ValidationError as error:
        raise ReleaseError(one_line(error, where)) from error
