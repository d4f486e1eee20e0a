"""The forest plot: estimates with their intervals, in groups, with numbers beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from sundbench.cohort.language import count
from sundbench.errors import MethodError
from sundbench.methods.figures.style import (
    COLOURS,
    GREY,
    Language,
    axes,
    ratio_axis,
    require,
    text,
    tick_texts,
    with_limits,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTER, _BETWEEN = 5.4, 14.0
"""Points: a letter's width, about, and between columns of text."""

_FURTHEST = 10
"""How many times smaller or larger than the reference a limit may be that the axis still shows."""


@dataclass(frozen=True)
class _Line:
    """A line of the plot: a heading, or an estimate with the row that it comes from."""

    label: str
    row: Mapping[str, Any] | None = None


def forest_plot(
    estimates: pd.DataFrame,
    *,
    label: str = "label",
    estimate: str = "hr",
    lower: str = "lower",
    upper: str = "upper",
    group: str | None = None,
    beside: Mapping[str, str] | Sequence[str] = (),
    reference: float = 1.0,
    names: Mapping[str, str] | None = None,
    x_label: str | None = None,
    sides: tuple[str, str] | None = None,
    language: Language = "en",
) -> Figure:
    """Ratios with their intervals on a logarithmic axis, one line each, the first on top.

    An interval that goes on beyond the axis ends in an arrow. A ratio of 0, and one that is missing, have no
    mark: the numbers at the right say so.

    Args:
        estimates: one row an estimate, in the order of showing.
        label: the column that says what each is of.
        estimate: the column of ratios; hr, rr and or name the axis as well.
        lower: the column of lower limits.
        upper: the column of upper limits.
        group: the column of subgroups' headings; rows of one heading stand together.
        beside: columns of whole numbers shown between labels and plot: names, or headings by name.
        reference: where the line of no effect is drawn.
        names: what labels and headings are called in the figure.
        x_label: said below the axis; by default the ratio's name.
        sides: what it means to lie to the left and to the right of the line, said below the axis.
        language: of the texts.

    Raises:
        MethodError: a column is missing, no ratio can be drawn, or the reference isn't above 0.
    """
    columns = dict(beside) if isinstance(beside, Mapping) else {name: name for name in beside}
    needed = [label, estimate, lower, upper, *([group] if group else []), *columns]
    require(estimates, needed, "forest plot")
    if not reference > 0:
        raise MethodError(f"forest plot: reference={reference}: give a ratio above 0")
    shown = estimates[estimates[estimate] > 0]
    if shown.empty:
        raise MethodError("forest plot: no ratio is above 0: nothing to draw")
    least, most = float(shown[estimate].min()), float(shown[estimate].max())
    limits = [float(one) for one in shown[[lower, upper]].to_numpy().ravel()]
    furthest = min(least, reference / _FURTHEST), max(most, reference * _FURTHEST)
    within = [min(max(one, furthest[0]), furthest[1]) for one in limits if one > 0]
    left, right, ticks = ratio_axis([least, most, *within], reference)
    lines = _lines(estimates, label, group, names or {})
    numbers = [
        with_limits(line.row[estimate], line.row[lower], line.row[upper], language) if line.row else ""
        for line in lines
    ]
    texts = {
        heading: [_whole(line.row[name], language) if line.row else "" for line in lines]
        for name, heading in columns.items()
    }
    labels = [line.label for line in lines]
    before = [_width([heading, *column]) for heading, column in texts.items()]
    left_of_plot = _width(labels) + sum(before)
    width = 2.9 + (left_of_plot + _width(numbers)) / 72
    with axes(width=width, height=1.15 + 0.27 * len(lines)) as (figure, plot):
        plot.set_xscale("log")
        plot.set_xlim(left, right)
        plot.axvline(reference, color=GREY, linewidth=1)
        for place, line in enumerate(lines):
            if line.row is not None and line.row[estimate] > 0:
                _interval(plot, place, (line.row[lower], line.row[estimate], line.row[upper]), (left, right))
        for place, said in enumerate(numbers):
            _beside(plot, (1, place), _BETWEEN / 2, said, "left")
        offset = -_BETWEEN / 2
        for (heading, column), wide in reversed(list(zip(texts.items(), before, strict=True))):
            for place, said in enumerate([heading, *column], -1):
                _beside(plot, (0, place), offset, said, "right", bold=place < 0)
            offset -= wide
        plot.set_ylim(len(lines) - 0.4, -1.5 if columns else -0.6)
        plot.set_yticks(range(len(lines)), labels)
        plot.tick_params(axis="y", length=0, pad=left_of_plot)
        for tick, line in zip(plot.get_yticklabels(), lines, strict=True):
            tick.set_horizontalalignment("left")
            tick.set_fontweight("bold" if line.row is None else "normal")
        plot.set_xticks(ticks, tick_texts(ticks, language))
        plot.minorticks_off()
        plot.grid(visible=False, axis="y")
        plot.spines["left"].set_visible(False)
        plot.set_xlabel(x_label or _axis_name(estimate, language))
        if sides is not None:
            _sides(plot, reference, sides)
    return figure


def _lines(estimates: pd.DataFrame, label: str, group: str | None, names: Mapping[str, str]) -> list[_Line]:
    """The lines in order; labels below a heading are indented."""
    rows = [{str(key): value for key, value in row.items()} for row in estimates.to_dict("records")]
    if group is None:
        return [_Line(names.get(str(row[label]), str(row[label])), row) for row in rows]
    found: list[_Line] = []
    for heading in estimates[group].astype("string").fillna("").unique():
        within = [row for row in rows if ("" if pd.isna(row[group]) else str(row[group])) == heading]
        if heading:
            found.append(_Line(names.get(heading, heading)))
        indent = "   " if heading else ""
        found += [_Line(indent + names.get(str(row[label]), str(row[label])), row) for row in within]
    return found


def _interval(plot: Axes, place: int, values: tuple[float, float, float], ends: tuple[float, float]) -> None:
    """A mark with its interval; arrows where it goes on beyond the axis."""
    low, middle, high = values
    if pd.notna(low) and pd.notna(high):
        shown = [max(low, ends[0]), min(high, ends[1])]
        plot.plot(shown, [place, place], color=COLOURS[0], linewidth=1.6, solid_capstyle="butt")
        for outside, end, mark in ((low < ends[0], ends[0], "<"), (high > ends[1], ends[1], ">")):
            if outside:
                plot.plot(end, place, mark, color=COLOURS[0], markersize=6, clip_on=False)
    plot.plot(middle, place, "s", color=COLOURS[0], markersize=6)


def _beside(
    plot: Axes, at: tuple[float, int], offset: float, said: str, side: str, *, bold: bool = False
) -> None:
    plot.annotate(
        said,
        at,
        xycoords=plot.get_yaxis_transform(),
        xytext=(offset, 0),
        textcoords="offset points",
        ha=side,
        va="center",
        fontweight="bold" if bold else "normal",
        annotation_clip=False,
    )


def _sides(plot: Axes, reference: float, sides: tuple[str, str]) -> None:
    """Below the axis: what it means to lie on either side of the line."""
    for said, side, offset in ((f"← {sides[0]}", "right", -6), (f"{sides[1]} →", "left", 6)):
        plot.annotate(
            said,
            (reference, 1),
            xycoords=plot.get_xaxis_transform(),
            xytext=(offset, 4),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=8.5,
            color=GREY,
            annotation_clip=False,
        )


def _axis_name(estimate: str, language: Language) -> str:
    return text(estimate, language) if estimate in ("hr", "rr", "or") else estimate


def _whole(value: float, language: Language) -> str:
    """A count as figures write it; a dash where it is missing or suppressed."""
    return "–" if pd.isna(value) else count(language, int(value))


def _width(texts: list[str]) -> float:
    """Points that a column of text takes, about."""
    return _LETTER * max(map(len, texts), default=0) + _BETWEEN
