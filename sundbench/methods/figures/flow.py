"""The flow chart of a study, drawn from its released counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from sundbench.cohort.attrition.chart import FlowChart, Step
from sundbench.errors import MethodError
from sundbench.methods.figures.style import Language, require

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def flow_chart(
    counts: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    step: str = "step",
    persons: str = "persons",
    language: Language = "en",
) -> Figure:
    """Who is left after each step, who was excluded on the way, and the groups at the end.

    Args:
        counts: the steps in order, such as ``cohort.flow_chart().table`` or ``disclosure.flow_chart(...)``
            gives: what those left fulfil, how many they are, and a column for each group, missing until
            persons are in one alone.
        names: what steps and groups are called in the figure.
        step: the column of steps.
        persons: the column of persons left.
        language: of the texts.

    Raises:
        MethodError: a column is missing, or a step has more persons than the one before.
    """
    require(counts, [step, persons], "flow chart")
    said = names or {}
    groups = [str(name) for name in counts.columns if name not in (step, persons)]
    steps: list[Step] = []
    for _, row in counts.iterrows():
        before = steps[-1] if steps else None
        left = int(row[persons])
        if before is not None and left > before.persons:
            raise MethodError(f"flow chart: step {row[step]} has more persons than the one before")
        by_arm = None if not groups or row[groups].isna().any() else tuple(int(row[one]) for one in groups)
        lost = None
        if before is not None and before.by_arm is not None and by_arm is not None:
            lost = tuple(one - other for one, other in zip(before.by_arm, by_arm, strict=True))
        steps.append(
            Step(
                criteria=(said.get(str(row[step]), str(row[step])),),
                persons=left,
                dropped=None if before is None else before.persons - left,
                by_arm=by_arm,
                dropped_by_arm=lost,
            )
        )
    arms = tuple(said.get(name, name) for name in groups)
    return FlowChart(tuple(steps), arms, least=1, language=language).figure()
