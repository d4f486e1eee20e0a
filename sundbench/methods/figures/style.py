"""The house style: colours, lines, axes, numbers and the words that figures share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from sundbench.errors import MethodError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Language = Literal["da", "en"]

COLOURS = ("#1f5f8b", "#d9822b", "#4d8c57", "#8a5a9e")
"""Blue, orange, green, purple: told apart by people who don't see red and green alike."""

LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)))
"""A line style for each colour: solid, dashed, dotted, dashed and dotted."""

GREY = "#6b7280"

STYLE: dict[Any, object] = {
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
    "incidence": {"da": "Andel med hændelsen (%)", "en": "Proportion with the event (%)"},
    "hr": {"da": "Hazard ratio (95 %-interval)", "en": "Hazard ratio (95% interval)"},
    "rr": {"da": "Relativ hyppighed (95 %-interval)", "en": "Rate ratio (95% interval)"},
    "or": {"da": "Odds ratio (95 %-interval)", "en": "Odds ratio (95% interval)"},
    "days": {"da": "Dage efter udleveringen", "en": "Days since the dispensing"},
    "dispensing": {"da": "Udlevering", "en": "Dispensing"},
    "relative incidence": {
        "da": "Hyppighed i forhold til personens øvrige tid",
        "en": "Rate relative to the person's other time",
    },
}


def text(key: str, language: Language) -> str:
    """A text of the figures.

    Raises:
        MethodError: a language other than Danish (da) and English (en).
    """
    if language not in ("da", "en"):
        raise MethodError(f"language {language} is unknown: use da or en")
    return _TEXTS[key][language]


def ratio(value: float, language: Language) -> str:
    """A ratio as figures write it, to three digits or two decimals: 0.83, 12.5, 140; a dash where missing."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    said = f"{value:.{decimals}f}"
    return said.replace(".", ",") if language == "da" else said


def with_limits(estimate: float, lower: float, upper: float, language: Language) -> str:
    """An estimate and its limits as figures write them: 0.83 (0.70–0.98)."""
    shown = ratio(estimate, language)
    if math.isnan(lower) and math.isnan(upper):
        return shown
    return f"{shown} ({ratio(lower, language)}–{ratio(upper, language)})"


def require(table: pd.DataFrame, columns: list[str], figure: str) -> None:
    """Refuse a table that lacks a column, or rows.

    Raises:
        MethodError: which, for which figure.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise MethodError(
            f"{figure}: the table has no column {missing[0]}: it has {', '.join(map(str, table.columns))}"
        )
    if table.empty:
        raise MethodError(f"{figure}: the table has no rows: nothing to draw")


@contextmanager
def axes(width: float = 6.4, height: float = 4.0) -> Iterator[tuple[Figure, Axes]]:
    """A figure and its axes in the house style, not shown by any notebook on its own."""
    with panels(1, width, height) as (figure, (plot,)):
        yield figure, plot


@contextmanager
def panels(many: int, width: float, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with axes side by side in the house style; width and height in inches, of the whole."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    with mpl.rc_context(STYLE):
        figure = NewFigure(figsize=(width, height), layout="constrained")
        yield figure, list(figure.subplots(1, many, squeeze=False)[0])


def ratio_axis(values: list[float], reference: float) -> tuple[float, float, list[float]]:
    """The ends and ticks of a logarithmic axis that shows some ratios and the reference."""
    found = [value for value in values if math.isfinite(value) and value > 0]
    low, high = min([*found, reference / 1.2]), max([*found, reference * 1.2])
    bottom, top = low / 1.15, high * 1.15
    # So many ticks as have room: five to eight.
    steps: tuple[float, ...] = (1.0,)
    for most, choice in (
        (1000, (1.0, 2.0, 5.0)),
        (50, (1.0, 2.0, 3.0, 5.0)),
        (12, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    ):
        if high / low < most:
            steps = choice
    ticks = [step * 10.0**power for power in range(-6, 7) for step in steps]
    return bottom, top, [tick for tick in ticks if bottom <= tick <= top]


def tick_texts(ticks: list[float], language: Language) -> list[str]:
    """How a ratio's axis writes its ticks: 0.5, 1, 1.5, 20."""
    return [f"{tick:g}".replace(".", "," if language == "da" else ".") for tick in ticks]
