"""Figures show what their tables hold, in both languages, and pass the check of what may leave."""

import io

import numpy as np
import pandas as pd
import pytest

from sundbench.economics import figures as economic
from sundbench.errors import MethodError
from sundbench.methods import figures

CURVES = pd.DataFrame(
    {
        "group": ["new"] * 3 + ["old"] * 3,
        "time": [0, 90, 360] * 2,
        "survival": [1, 0.9, 0.6, 1, 0.7, 0.3],
        "lower": [1, 0.85, 0.5, 1, 0.6, 0.2],
        "upper": [1, 0.95, 0.7, 1, 0.8, 0.4],
    }
)
BALANCE = pd.DataFrame(
    {"covariate": ["age", "sex=female"], "smd_before": [0.4, -0.1], "smd_after": [0.02, 0.0]}
)
DRAWS = pd.DataFrame({"life_years": np.linspace(0.1, 0.5, 20), "cost": np.linspace(3e5, 5e5, 20)})
BENEFIT = pd.DataFrame({"willingness_to_pay": [0, 5e5, 1e6], "probability": [0.0, 0.2, 0.9]})


def texts(figure):
    plot = figure.axes[0]
    legends = [
        text.get_text() for box in [plot.get_legend(), *figure.legends] if box for text in box.get_texts()
    ]
    ticks = [label.get_text() for label in plot.get_yticklabels()]
    return {plot.get_xlabel(), plot.get_ylabel(), *legends, *ticks}


@pytest.mark.parametrize(
    ("draw", "danish", "english"),
    [
        (lambda lang: figures.love_plot(BALANCE, language=lang), "Efter vægtning", "After weighting"),
        (lambda lang: figures.survival_curves(CURVES, language=lang), "Andel i live", "Proportion alive"),
        (
            lambda lang: economic.cost_effectiveness_plane(DRAWS, willingness_to_pay=1e6, language=lang),
            "1.000.000 kr. pr. leveår",
            "1,000,000 DKK per life-year",
        ),
        (
            lambda lang: economic.acceptability_curve(BENEFIT, language=lang),
            "Sandsynlighed for omkostningseffektivitet",
            "Probability of being cost-effective",
        ),
    ],
)
def test_each_figure_speaks_both_languages(draw, danish, english):
    assert danish in texts(draw("da"))
    assert english in texts(draw("en"))
    draw("en").savefig(io.BytesIO(), format="svg")


def test_names_may_be_given():
    shown = texts(figures.love_plot(BALANCE, names={"sex=female": "Kvinde"}, language="da"))
    assert {"age", "Kvinde"} <= shown
    assert "Ny" in texts(figures.survival_curves(CURVES, names={"new": "Ny"}))


def test_other_languages_are_refused():
    with pytest.raises(MethodError, match="language sv is unknown"):
        figures.love_plot(BALANCE, language="sv")
