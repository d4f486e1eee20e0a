"""The figure of a flow chart: who is left in the middle, who is excluded to the right, the arms below."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sundbench.cohort.language import Language, count, said

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sundbench.cohort.attrition.chart import FlowChart, Step

_LETTERS = 34
"""Letters a line of a box."""

_LINE, _PAD, _GAP = 0.21, 0.16, 0.34
"""Inches: a line of text, a box's inside, and between boxes."""

_WIDTH, _BETWEEN = 2.75, 0.55
"""Inches: a box, and between the middle and the right."""

_EDGE, _TEXT = "#374151", "#111827"


def draw(chart: FlowChart) -> Figure:
    """Draw a flow chart; every number in it is in its table, or the difference of two that are."""
    from matplotlib.figure import Figure as NewFigure

    language, last = chart.language, chart.steps[-1]
    middle = [_left(step, language) for step in chart.steps]
    right = [_excluded(step, chart) for step in chart.steps[1:]]
    arms = (
        []
        if last.by_arm is None
        else [
            [*_wrapped(name, 22), f"n = {count(language, many)}"]
            for name, many in zip(chart.arms, last.by_arm, strict=True)
        ]
    )
    arm_width = max(1.5, min(2.2, 5.6 / max(len(arms), 1)))
    wide = max(2 * _WIDTH + _BETWEEN, len(arms) * (arm_width + 0.25))
    heights = [_height(lines) for lines in middle]
    sides = [_height(lines) for lines in right]
    gaps = [max(_GAP, side + 0.2) for side in sides]
    foot = (_GAP + max(map(_height, arms))) if arms else 0.0
    tall = sum(heights) + sum(gaps) + foot + 0.2
    figure = NewFigure(figsize=(wide + 0.3, tall))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, wide + 0.3)
    axes.set_ylim(-tall, 0)
    axes.axis("off")
    centre = 0.15 + (_WIDTH / 2 if wide <= 2 * _WIDTH + _BETWEEN else wide / 2 - (_WIDTH + _BETWEEN) / 2)
    top = -0.1
    for place, (lines, height) in enumerate(zip(middle, heights, strict=True)):
        _box(axes, (centre, top), _WIDTH, lines)
        top -= height
        if place < len(gaps):
            _arrow(axes, (centre, top), (centre, top - gaps[place]))
            branch = top - gaps[place] / 2
            beside = centre + _WIDTH / 2 + _BETWEEN + _WIDTH / 2
            _arrow(axes, (centre, branch), (beside - _WIDTH / 2, branch))
            _box(axes, (beside, branch + sides[place] / 2), _WIDTH, right[place], left=True)
            top -= gaps[place]
    for place, lines in enumerate(arms):
        offset = (place - (len(arms) - 1) / 2) * (arm_width + 0.2)
        across = min(max(centre, 0.15 + len(arms) * (arm_width + 0.2) / 2), wide) + offset
        bend = top - _GAP / 2
        axes.plot([centre, centre, across], [top, bend, bend], color=_EDGE, linewidth=0.9)
        _arrow(axes, (across, bend), (across, top - _GAP))
        _box(axes, (across, top - _GAP), arm_width, lines)
    return figure


def _left(step: Step, language: Language) -> list[str]:
    if step.dropped is None:
        lines = [line for one in step.criteria for line in _wrapped(one, _LETTERS)]
    else:
        lines = [said(language, "Remaining", "Tilbage")]
    return [*lines, f"n = {count(language, step.persons)}"]


def _excluded(step: Step, chart: FlowChart) -> list[str]:
    language = chart.language
    assert step.dropped is not None  # noqa: S101 - the first step has nothing beside it
    word = said(language, "Excluded", "Ekskluderet")
    lines = [f"{word} (n = {count(language, step.dropped)})"]
    lines += _wrapped(said(language, "not fulfilled:", "ikke opfyldt:"), _LETTERS)
    for one in step.criteria:
        lines += _wrapped(f"– {one}", _LETTERS)
    if step.dropped_by_arm is not None and step.dropped:
        pairs = zip(chart.arms, step.dropped_by_arm, strict=True)
        lines += _wrapped(", ".join(f"{arm}: {count(language, many)}" for arm, many in pairs), _LETTERS)
    return lines


def _wrapped(words: str, letters: int) -> list[str]:
    return textwrap.wrap(words, letters) or [""]


def _height(lines: list[str]) -> float:
    return len(lines) * _LINE + _PAD


def _box(axes: Axes, at: tuple[float, float], width: float, lines: list[str], *, left: bool = False) -> None:
    """A box with its lines, in the middle or to the left: ``at`` is the middle of its upper edge."""
    from matplotlib.patches import Rectangle

    (centre, top), height = at, _height(lines)
    corner = (centre - width / 2, top - height)
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=_EDGE, linewidth=0.9))
    axes.text(
        centre - width / 2 + _PAD if left else centre,
        top - height / 2,
        "\n".join(lines),
        ha="left" if left else "center",
        va="center",
        fontsize=9,
        linespacing=1.35,
        color=_TEXT,
        family="DejaVu Sans",
    )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": _EDGE, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0},
    )
