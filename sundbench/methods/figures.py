"""Figures of the methods, in one house style, with Danish or English texts.

Each is drawn from a table that may itself leave (a balance table, a coarsened curve), so that a figure never
shows more than its data. matplotlib is imported when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from sundbench.errors import MethodError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Language = Literal["da", "en"]

COLOURS = ("#1f5f8b", "#d9822b", "#4d8c57", "#8a5a9e")
"""Blue, orange, green, purple: told apart by people who don't see red and green alike."""

GREY = "#6b7280"

_STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": "#374151",
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.7,
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "legend.frameon": False,
    "figure.facecolor": "white",
}

_TEXTS: Mapping[str, Mapping[Language, str]] = {
    "smd": {"da": "Standardiseret forskel i gennemsnit", "en": "Standardised mean difference"},
    "before": {"da": "Før vægtning", "en": "Before weighting"},
    "after": {"da": "Efter vægtning", "en": "After weighting"},
    "alive": {"da": "Andel i live", "en": "Proportion alive"},
    "years": {"da": "År efter første behandling", "en": "Years since first treatment"},
}


def text(key: str, language: Language) -> str:
    """A text of the figures.

    Raises:
        MethodError: a language other than Danish (da) and English (en).
    """
    if language not in ("da", "en"):
        raise MethodError(f"language {language} is unknown: use da or en")
    return _TEXTS[key][language]


@contextmanager
def axes(width: float = 6.4, height: float = 4.0) -> Iterator[tuple[Figure, Axes]]:
    """A figure and its axes in the house style, not shown by any notebook on its own."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    with mpl.rc_context(_STYLE):
        figure = NewFigure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def love_plot(
    balance: pd.DataFrame, *, names: Mapping[str, str] | None = None, language: Language = "en"
) -> Figure:
    """Standardised mean differences before and after weighting, the largest on top.

    Args:
        balance: columns covariate, smd_before and smd_after, such as ``propensity.balance(...).table``.
        names: what covariates are called in the figure.
        language: of the texts.
    """
    rows = balance.loc[balance["smd_before"].abs().sort_values(kind="stable").index]
    shown = [(names or {}).get(name, name) for name in rows["covariate"]]
    places = list(range(len(rows)))
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
            label=text("before", language),
        )
        plot.plot(rows["smd_after"], places, "o", color=COLOURS[0], label=text("after", language))
        plot.set_yticks(places, shown)
        plot.set_xlabel(text("smd", language))
        plot.grid(visible=False, axis="y")
        figure.legend(loc="outside upper center", ncols=2)
    return figure


def survival_curves(
    curves: pd.DataFrame,
    *,
    group: str = "group",
    names: Mapping[str, str] | None = None,
    days_a_year: float = 365.25,
    language: Language = "en",
) -> Figure:
    """Survival by group, as steps with their confidence bands.

    Args:
        curves: columns group, time (days), survival, lower and upper, from time 0 on, such as
            ``disclosure.curve`` gives.
        group: the column of groups.
        names: what groups are called in the figure.
        days_a_year: unit of time.
        language: of the texts.
    """
    with axes() as (figure, plot):
        for (name, rows), colour in zip(
            curves.groupby(group, sort=False, observed=True), COLOURS, strict=False
        ):
            years = rows["time"] / days_a_year
            plot.fill_between(
                years, rows["lower"], rows["upper"], step="post", color=colour, alpha=0.15, linewidth=0
            )
            label = (names or {}).get(str(name), str(name))
            plot.step(years, rows["survival"], where="post", color=colour, linewidth=1.8, label=label)
        plot.set_ylim(0, 1.02)
        plot.set_xlim(left=0)
        plot.set_xlabel(text("years", language))
        plot.set_ylabel(text("alive", language))
        plot.legend()
    return figure
