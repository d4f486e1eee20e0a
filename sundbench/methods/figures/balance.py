"""The love plot: are groups alike, before and after weighting?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from sundbench.methods.figures.style import COLOURS, GREY, Language, axes, text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def love_plot(
    balance: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    labels: tuple[str, str] | None = None,
    language: Language = "en",
) -> Figure:
    """Standardised mean differences before and after weighting, the largest on top.

    Args:
        balance: columns covariate, smd_before and smd_after, such as ``propensity.balance(...).table``.
        names: what covariates are called in the figure.
        labels: what before and after are called, where no weighting lies between them.
        language: of the texts.
    """
    rows = balance.loc[balance["smd_before"].abs().sort_values(kind="stable").index]
    shown = [(names or {}).get(name, name) for name in rows["covariate"]]
    places = list(range(len(rows)))
    before, after = labels or (text("before", language), text("after", language))
    with axes(height=1.2 + 0.26 * len(rows)) as (figure, plot):
        for at in (-0.1, 0.1):
            plot.axvline(at, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        plot.axvline(0, color=GREY, linewidth=0.8)
        plot.plot(
            rows["smd_before"],
            places,
            "o",
            color=COLOURS[1],
            fillstyle="none",
            label=before,
        )
        plot.plot(rows["smd_after"], places, "o", color=COLOURS[0], label=after)
        plot.set_yticks(places, shown)
        plot.set_xlabel(text("smd", language))
        plot.grid(visible=False, axis="y")
        figure.legend(loc="outside upper center", ncols=2)
    return figure
