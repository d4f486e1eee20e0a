"""Curves over time: survival, and the cumulative incidence of events that compete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.figures.style import COLOURS, LINES, Language, axes, panels, require, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter


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
        _steps(plot, curves, "survival", group=group, names=names or {}, days_a_year=days_a_year, scale=1)
        plot.set_ylim(0, 1.02)
        plot.set_xlabel(text("years", language))
        plot.set_ylabel(text("alive", language))
        plot.legend()
    return figure


def cumulative_incidence_curves(
    curves: pd.DataFrame,
    *,
    group: str = "group",
    cause: str | None = "cause",
    names: Mapping[str, str] | None = None,
    days_a_year: float = 365.25,
    x_label: str | None = None,
    language: Language = "en",
) -> Figure:
    """The share of persons who have had an event, by group, with a panel for each cause.

    Panels have scales of their own, each from 0: a rare harm beside death would else be a flat line.

    Args:
        curves: columns group, cause, time (days), incidence, lower and upper, from time 0 on, such as
            ``disclosure.curve`` gives of an Aalen-Johansen table with ``start=0.0`` and these values.
        group: the column of groups.
        cause: the column of causes; None where there is one alone.
        names: what groups and causes are called in the figure.
        days_a_year: unit of time.
        x_label: said below the axis; by default years since the first treatment.
        language: of the texts.

    Raises:
        MethodError: a column is missing, or there are more groups than colours.
    """
    require(curves, [group, "time", "incidence", "lower", "upper", *([cause] if cause else [])], "curves")
    said = names or {}
    parts = [("", curves)] if cause is None else list(curves.groupby(cause, sort=False, observed=True))
    width = 6.4 if len(parts) == 1 else 4.2 * len(parts)
    with panels(len(parts), width, 4.0) as (figure, plots):
        for plot, (name, rows) in zip(plots, parts, strict=True):
            _steps(plot, rows, "incidence", group=group, names=said, days_a_year=days_a_year, scale=100)
            plot.set_ylim(bottom=0)
            plot.set_xlabel(x_label or text("years", language))
            if cause is not None:
                plot.set_title(said.get(str(name), str(name)), fontsize=10.5, loc="left")
            plot.yaxis.set_major_formatter(_in_words(language))
            plot.xaxis.set_major_formatter(_in_words(language))
        plots[0].set_ylabel(text("incidence", language))
        plots[0].legend(loc="upper left")
    return figure


def _steps(
    plot: Axes,
    curves: pd.DataFrame,
    value: str,
    *,
    group: str,
    names: Mapping[str, str],
    days_a_year: float,
    scale: float,
) -> None:
    """Draw each group's curve with its band, from time 0 on."""
    groups = list(curves.groupby(group, sort=False, observed=True))
    if len(groups) > len(COLOURS):
        raise MethodError(
            f"curves: {len(groups)} groups, where a figure tells {len(COLOURS)} apart: draw several figures"
        )
    for (name, rows), colour, line in zip(groups, COLOURS, LINES, strict=False):
        years = rows["time"] / days_a_year
        low, high = scale * rows["lower"], scale * rows["upper"]
        plot.fill_between(years, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        label = names.get(str(name), str(name))
        shown = scale * rows[value]
        plot.step(years, shown, where="post", color=colour, linestyle=line, linewidth=1.8, label=label)
    plot.set_xlim(left=0)


def _in_words(language: Language) -> FuncFormatter:
    """How an axis writes its numbers: with a comma in Danish."""
    from matplotlib.ticker import FuncFormatter as Formatter

    def written(value: float, _: int | None) -> str:
        shown = f"{value:.6g}"
        return shown.replace(".", ",") if language == "da" else shown

    return Formatter(written)
