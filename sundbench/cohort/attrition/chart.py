"""A flow chart that may be released: its steps, its table, its figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from sundbench.cohort.attrition.merging import LEAST, Counts, shown
from sundbench.cohort.described import STYLE
from sundbench.cohort.entering import step_names
from sundbench.cohort.following import ending
from sundbench.cohort.language import Language, count
from sundbench.cohort.populations.sets import Sets
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sundbench.cohort.study import Study


class Outbox(Protocol):
    """What ``sb.outputs()`` gives, as far as a flow chart needs it."""

    def counts(self, name: str, frame: object, **how: Any) -> None:  # noqa: ANN401 - each has its own type
        """Write a table of counts."""

    def figure(self, name: str, figure: Figure, **how: Any) -> None:  # noqa: ANN401
        """Write a figure drawn from a table."""


@dataclass(frozen=True)
class Step:
    """One step that is shown, with those before it that aren't.

    Attributes:
        criteria: what persons fulfil who are left after it and weren't asked before: one, or several merged.
        persons: how many are left.
        dropped: how many it takes away from the step shown before; None at the first.
        by_arm: how many are left in each arm; None where that isn't shown.
        dropped_by_arm: how many it takes away from each; None where that can't be told from what is shown.
    """

    criteria: tuple[str, ...]
    persons: int
    dropped: int | None
    by_arm: tuple[int, ...] | None
    dropped_by_arm: tuple[int, ...] | None


@dataclass(frozen=True)
class FlowChart:
    """The flow of persons into a cohort, safe to release: no number of persons from 1 to ``least`` - 1.

    Neither left after a step nor dropped by one, in all nor by arm; and such a number can't be worked out of
    the others either. Steps that would give one away are merged with the next; nothing is rounded. The rule
    is written out in ``sundbench.cohort.attrition.merging``.

    Attributes:
        steps: the steps that are shown.
        arms: the arms' names; empty where there is one alone.
        least: the smallest number of persons that is shown, besides 0.
        language: of the texts.
        of_cases: whether it counts the cases of sets alone.
    """

    steps: tuple[Step, ...]
    arms: tuple[str, ...]
    least: int
    language: Language
    of_cases: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """``step``, ``persons`` left and, where they are shown, those left in each arm (else missing)."""
        names = [", ".join(step.criteria) for step in self.steps]
        table = pd.DataFrame({"step": names, "persons": [step.persons for step in self.steps]})
        if any(step.by_arm is not None for step in self.steps):
            for place, arm in enumerate(self.arms):
                left = [None if step.by_arm is None else step.by_arm[place] for step in self.steps]
                table[arm] = pd.array(left, dtype="Int64")
        return table

    @property
    def note(self) -> str:
        """What a reader must know of it."""
        return _note(self, self.language)

    def figure(self) -> Figure:
        """The flow chart as the literature draws it: who is left, and who is excluded on the way."""
        from sundbench.cohort.attrition.drawing import draw

        return draw(self)

    def write(self, out: Outbox, name: str = "flow_chart") -> None:
        """Write it to the outbox: the table as ``<name>``, the figure drawn from it as ``<name>_figure``.

        Example:
            >>> cohort.flow_chart().write(sb.outputs())

        Args:
            out: what ``sb.outputs()`` gives.
            name: the table's name.
        """
        title = {"en": "Flow chart of the cohort", "da": "Kohortens flowdiagram"}
        notes = {language: _note(self, language) for language in ("en", "da")}
        table = self.table
        out.counts(
            name,
            table,
            by=["step"],
            persons=list(table.columns[1:]),
            flow_chart=True,
            title=title,
            note=notes,
            labels={
                "step": {"en": "Criterion", "da": "Kriterium"},
                "persons": {"en": "Persons", "da": "Personer"},
            },
        )
        out.figure(f"{name}_figure", self.figure(), data=name, title=title, note=notes)

    def __str__(self) -> str:
        return "\n".join([self.table.to_string(index=False, na_rep=""), self.note])

    def _repr_html_(self) -> str:
        table = self.table
        head = "".join(f"<th>{escape(str(name))}</th>" for name in table.columns)
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(cell)}</td>"
                if isinstance(cell, str)
                else f'<td class="number">{"" if pd.isna(cell) else count(self.language, int(cell))}</td>'
                for cell in row
            )
            + "</tr>"
            for row in table.itertuples(index=False)
        )
        return (
            f'{STYLE}<div class="sundbench-help"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
            f"</table><p><small>{escape(self.note)}</small></p></div>"
        )


def step_texts(study: Study, language: Language = "en") -> list[str]:
    """What persons fulfil who are left after each step of a study's flow chart."""
    names = [*step_names(study, language), *study.require, *ending.step_names(study, language)]
    if isinstance(study.population, Sets):
        names.append(study.population.last_step(language))
    return names


def flow_chart(
    names: Sequence[str],
    counts: Sequence[Counts],
    arms: Sequence[str],
    language: Language,
    least: int = LEAST,
    *,
    of_cases: bool = False,
) -> FlowChart:
    """Make a flow chart safe to release.

    Args:
        names: what persons fulfil who are left after each step.
        counts: how many they are: in all, then by arm.
        arms: the arms' names.
        language: of the texts.
        least: the smallest number of persons that may be shown, besides 0.
        of_cases: whether those counted are the cases of sets.

    Raises:
        StudyError: fewer are left at the end, or ``least`` makes no sense.
    """
    if isinstance(least, bool) or not isinstance(least, int) or least < 1:
        raise StudyError(f"flow_chart(): least={least!r}: give a whole number, 1 or more")
    chosen = shown(counts, least)
    if chosen is None:
        raise StudyError(
            f"flow_chart(): fewer than {least} persons are left at the end: nothing of it may be released; "
            "cohort.attrition has it for you"
        )
    steps: list[Step] = []
    before: int | None = None
    for place in chosen.steps:
        total, *by_arm = counts[place]
        split = chosen.by_arm_from is not None and place >= chosen.by_arm_from
        previous = steps[-1] if steps else None
        lost = None
        if split and previous is not None and previous.by_arm is not None:
            lost = tuple(one - other for one, other in zip(previous.by_arm, by_arm, strict=True))
        steps.append(
            Step(
                criteria=tuple(names[(0 if before is None else before + 1) : place + 1]),
                persons=total,
                dropped=None if previous is None else previous.persons - total,
                by_arm=tuple(by_arm) if split else None,
                dropped_by_arm=lost,
            )
        )
        before = place
    return FlowChart(tuple(steps), tuple(arms) if len(arms) > 1 else (), least, language, of_cases)


_RULE: Mapping[Language, str] = {
    "en": (
        "Steps by which 1 to {most} persons would have left, in all or from one arm, are shown together with "
        "the next; nothing is rounded."
    ),
    "da": (
        "Trin, hvor 1 til {most} personer ville være udgået, i alt eller fra én gruppe, er vist sammen med "
        "det næste; intet er afrundet."
    ),
}

_NO_ARMS: Mapping[Language, str] = {
    "en": " Numbers by arm are left out: they would single out fewer than {least} persons.",
    "da": " Antal for hver gruppe er udeladt: de ville udpege færre end {least} personer.",
}


_CASES: Mapping[Language, str] = {
    "en": " The persons are the cases; those found for them aren't counted: they may be in several sets.",
    "da": " Personerne er cases; de, der er fundet til dem, er ikke talt med: de kan være i flere sæt.",
}


def _note(chart: FlowChart, language: Language) -> str:
    note = _RULE[language].format(most=chart.least - 1) if chart.least > 1 else ""
    if chart.of_cases:
        note += _CASES[language]
    if chart.arms and all(step.by_arm is None for step in chart.steps):
        note += _NO_ARMS[language].format(least=chart.least)
    return note.strip()
