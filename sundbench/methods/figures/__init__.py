"""Figures of the methods, in one house style, with Danish or English texts.

Each is drawn from a table that may itself leave (a balance table, a coarsened curve), so that a figure never
shows more than its data. matplotlib is imported when a figure is drawn. What colours tell apart, line styles,
places or texts tell apart too: for print in black, and for people who see colours otherwise.
"""

from sundbench.methods.figures.balance import love_plot
from sundbench.methods.figures.case_series import relative_incidence
from sundbench.methods.figures.curves import cumulative_incidence_curves, survival_curves
from sundbench.methods.figures.flow import flow_chart
from sundbench.methods.figures.forest import forest_plot
from sundbench.methods.figures.style import COLOURS, GREY, STYLE, Language, axes, text

__all__ = [
    "COLOURS",
    "GREY",
    "STYLE",
    "Language",
    "axes",
    "cumulative_incidence_curves",
    "flow_chart",
    "forest_plot",
    "love_plot",
    "relative_incidence",
    "survival_curves",
    "text",
]
