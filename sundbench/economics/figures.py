"""Figures of cost-effectiveness, in the house style of ``sundbench.methods.figures``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sundbench.methods.figures import COLOURS, GREY, Language, axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEXTS: Mapping[str, Mapping[Language, str]] = {
    "effect": {
        "da": "Vundne leveår pr. person (diskonteret)",
        "en": "Life-years gained per person (discounted)",
    },
    "cost": {"da": "Meromkostning pr. person (1.000 kr.)", "en": "Additional cost per person (DKK 1,000)"},
    "worth": {
        "da": "Betalingsvillighed pr. leveår (1.000 kr.)",
        "en": "Willingness to pay per life-year (DKK 1,000)",
    },
    "probability": {
        "da": "Sandsynlighed for omkostningseffektivitet",
        "en": "Probability of being cost-effective",
    },
    "line": {"da": "kr. pr. leveår", "en": "DKK per life-year"},
}


def cost_effectiveness_plane(
    draws: pd.DataFrame, *, willingness_to_pay: float | None = None, language: Language = "en"
) -> Figure:
    """Bootstrap replicates of cost and effect differences; never persons.

    Args:
        draws: columns life_years and cost (kroner), one row a replicate.
        willingness_to_pay: draw the line of so many kroner a life-year.
        language: of the texts.
    """
    with axes() as (figure, plot):
        plot.axhline(0, color=GREY, linewidth=0.8)
        plot.axvline(0, color=GREY, linewidth=0.8)
        plot.plot(
            draws["life_years"],
            draws["cost"] / 1000,
            "o",
            color=COLOURS[0],
            alpha=0.25,
            markersize=3,
            markeredgewidth=0,
        )
        if willingness_to_pay is not None:
            ends = np.array([min(0.0, draws["life_years"].min()), max(0.0, draws["life_years"].max())])
            said = f"{willingness_to_pay:,.0f}".replace(",", "." if language == "da" else ",")
            label = f"{said} {_TEXTS['line'][language]}"
            plot.plot(ends, ends * willingness_to_pay / 1000, color=COLOURS[1], linewidth=1.2, label=label)
            plot.legend()
        plot.set_xlabel(_TEXTS["effect"][language])
        plot.set_ylabel(_TEXTS["cost"][language])
    return figure


def acceptability_curve(net_benefit: pd.DataFrame, *, language: Language = "en") -> Figure:
    """The probability that the new treatment is cost-effective, by willingness to pay.

    Args:
        net_benefit: columns willingness_to_pay (kroner) and probability.
        language: of the texts.
    """
    with axes() as (figure, plot):
        plot.plot(
            net_benefit["willingness_to_pay"] / 1000,
            net_benefit["probability"],
            color=COLOURS[0],
            linewidth=1.8,
        )
        plot.set_ylim(-0.02, 1.02)
        plot.set_xlim(left=0)
        plot.set_xlabel(_TEXTS["worth"][language])
        plot.set_ylabel(_TEXTS["probability"][language])
    return figure
