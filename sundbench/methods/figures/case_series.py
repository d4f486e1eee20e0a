"""The relative incidence of a case series, window by window around the dispensing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.figures.style import (
    COLOURS,
    GREY,
    Language,
    axes,
    ratio,
    ratio_axis,
    require,
    text,
    tick_texts,
    with_limits,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def relative_incidence(
    windows: pd.DataFrame,
    *,
    estimate: str = "rr",
    x_label: str | None = None,
    language: Language = "en",
) -> Figure:
    """How often events come in each window, relative to the persons' other time, on a time axis.

    Each window is a line as long as the window, in its confidence band, with its numbers above. Windows
    before the dispensing have negative days. The ratio's axis is logarithmic.

    Args:
        windows: columns first_day and last_day (both in the window, the dispensing being day 0), the
            estimate, lower and upper; a window without limits has no band.
        estimate: the column of ratios.
        x_label: said below the axis; by default days since the dispensing.
        language: of the texts.

    Raises:
        MethodError: a column is missing, a window ends before it begins, or no ratio can be drawn.
    """
    require(windows, ["first_day", "last_day", estimate, "lower", "upper"], "relative incidence")
    if (windows["last_day"] < windows["first_day"]).any():
        raise MethodError("relative incidence: a window ends before it begins")
    drawn = windows[windows[estimate] > 0]
    if drawn.empty:
        raise MethodError("relative incidence: no window has a ratio above 0: nothing to draw")
    values = [float(one) for one in drawn[[estimate, "lower", "upper"]].to_numpy().ravel()]
    bottom, top, ticks = ratio_axis(values, 1.0)
    with axes(width=7.0, height=3.8) as (figure, plot):
        plot.set_yscale("log")
        plot.axhline(1, color=GREY, linewidth=1)
        plot.axvline(0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        for _, row in windows.iterrows():
            # A window's last day is a whole day: its line ends where the next day begins.
            ends = [row["first_day"], row["last_day"] + 1]
            middle = sum(ends) / 2
            if not row[estimate] > 0:
                plot.text(middle, bottom * 1.08, ratio(float(row[estimate]), language), ha="center")
                continue
            low, high = max(row["lower"], bottom), min(row["upper"], top)
            plot.fill_between(ends, low, high, color=COLOURS[0], alpha=0.18, linewidth=0)
            plot.plot(ends, [row[estimate]] * 2, color=COLOURS[0], linewidth=2.6, solid_capstyle="butt")
            said = with_limits(row[estimate], row["lower"], row["upper"], language)
            place = high if pd.notna(row["upper"]) else row[estimate]
            plot.annotate(
                said.replace(" (", "\n("),
                (middle, place),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8.5,
            )
        plot.set_ylim(bottom, top * (top / bottom) ** 0.16)
        plot.set_yticks(ticks, tick_texts(ticks, language))
        plot.minorticks_off()
        plot.annotate(
            text("dispensing", language),
            (0, 0),
            xycoords=plot.get_xaxis_transform(),
            xytext=(3, 4),
            textcoords="offset points",
            fontsize=8.5,
            color=GREY,
        )
        plot.set_xlabel(x_label or text("days", language))
        plot.set_ylabel(text("relative incidence", language))
    return figure
