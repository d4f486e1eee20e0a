"""Figures show what their tables hold, in both languages, and pass the check of what may leave."""

import io

import numpy as np
import pandas as pd
import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.economics import figures as economic
from sundbench.errors import MethodError
from sundbench.methods import figures
from sundbench.release.outputs import Outputs

CURVES = pd.DataFrame(
    {
        "group": ["new"] * 3 + ["old"] * 3,
        "time": [0, 90, 360] * 2,
        "survival": [1, 0.9, 0.6, 1, 0.7, 0.3],
        "lower": [1, 0.85, 0.5, 1, 0.6, 0.2],
        "upper": [1, 0.95, 0.7, 1, 0.8, 0.4],
    }
)
INCIDENCES = pd.concat(
    [
        pd.DataFrame({"cause": cause, "group": group, "time": [0.0, 90.0, 360.0]})
        for cause in ("bleeding", "death")
        for group in ("new", "old")
    ],
    ignore_index=True,
).assign(incidence=[0, 0.101, 0.203] * 4, lower=[0, 0.083, 0.151] * 4, upper=[0, 0.123, 0.253] * 4)
RATIOS = pd.DataFrame(
    {
        "subgroup": [None, "sex", "sex", "age"],
        "level": ["all", "men", "women", "under 60"],
        "persons": [12000, 7000, 5000, 400],
        "hr": [0.7, 0.66, 0.8, 0.0],
        "lower": [0.6, 0.5, 0.62, np.nan],
        "upper": [0.85, 0.88, 40.0, np.nan],
    }
)
WINDOWS = pd.DataFrame(
    {
        "first_day": [-30, 1, 31],
        "last_day": [-1, 30, 60],
        "rr": [0.0, 3.1, 1.2],
        "lower": [np.nan, 2.4, 0.8],
        "upper": [np.nan, 4.0, 1.8],
    }
)
STEPS = pd.DataFrame(
    {
        "step": ["any of the drugs", "adult"],
        "persons": [1400, 1000],
        "new": pd.array([None, 400], dtype="Int64"),
        "old": pd.array([None, 600], dtype="Int64"),
    }
)
BALANCE = pd.DataFrame(
    {"covariate": ["age", "sex=female"], "smd_before": [0.4, -0.1], "smd_after": [0.02, 0.0]}
)
DRAWS = pd.DataFrame({"life_years": np.linspace(0.1, 0.5, 20), "cost": np.linspace(3e5, 5e5, 20)})
BENEFIT = pd.DataFrame({"willingness_to_pay": [0, 5e5, 1e6], "probability": [0.0, 0.2, 0.9]})


def texts(figure):
    said = [text.get_text() for box in figure.legends for text in box.get_texts()]
    for plot in figure.axes:
        said += [text.get_text() for text in plot.texts]
        said += [plot.get_xlabel(), plot.get_ylabel(), plot.get_title(loc="left")]
        said += [label.get_text() for label in (*plot.get_yticklabels(), *plot.get_xticklabels())]
        if plot.get_legend():
            said += [text.get_text() for text in plot.get_legend().get_texts()]
    return {one.strip() for one in said}


@pytest.mark.parametrize(
    ("draw", "danish", "english"),
    [
        (lambda lang: figures.love_plot(BALANCE, language=lang), "Efter vægtning", "After weighting"),
        (lambda lang: figures.survival_curves(CURVES, language=lang), "Andel i live", "Proportion alive"),
        (
            lambda lang: figures.cumulative_incidence_curves(INCIDENCES, language=lang),
            "Andel med hændelsen (%)",
            "Proportion with the event (%)",
        ),
        (
            lambda lang: figures.forest_plot(RATIOS, label="level", language=lang),
            "0,70 (0,60–0,85)",
            "0.70 (0.60–0.85)",
        ),
        (
            lambda lang: figures.relative_incidence(WINDOWS, language=lang),
            "Dage efter udleveringen",
            "Days since the dispensing",
        ),
        (
            lambda lang: figures.flow_chart(STEPS, language=lang),
            "Ekskluderet (n = 400)\nikke opfyldt:\n– adult",
            "Excluded (n = 400)\nnot fulfilled:\n– adult",
        ),
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
    assert {"Ny", "Død"} <= texts(
        figures.cumulative_incidence_curves(INCIDENCES, names={"new": "Ny", "death": "Død"})
    )
    assert "Ny\nn = 400" in texts(figures.flow_chart(STEPS, names={"new": "Ny"}))


def test_other_languages_are_refused():
    with pytest.raises(MethodError, match="language sv is unknown"):
        figures.love_plot(BALANCE, language="sv")


def test_a_forest_plot_has_headings_numbers_beside_and_a_line_each():
    drawn = figures.forest_plot(
        RATIOS,
        label="level",
        group="subgroup",
        beside={"persons": "Personer"},
        names={"sex": "Køn", "men": "Mænd"},
        sides=("bedre", "værre"),
        language="da",
    )
    plot = drawn.axes[0]
    assert [label.get_text().strip() for label in plot.get_yticklabels()] == [
        "all",
        "Køn",
        "Mænd",
        "women",
        "age",
        "under 60",
    ]
    assert {"12.000", "Personer", "0,80 (0,62–40,0)", "← bedre", "værre →"} <= texts(drawn)
    assert plot.get_xscale() == "log"
    assert "Hazard ratio (95 %-interval)" in texts(drawn)
    marks = [line.get_xdata()[0] for line in plot.lines if line.get_marker() == "s"]
    assert marks == [0.7, 0.66, 0.8]  # a ratio of 0 has no place on a logarithmic axis


def test_an_interval_that_goes_on_beyond_the_axis_ends_in_an_arrow():
    plot = figures.forest_plot(RATIOS, label="level").axes[0]
    arrows = [line for line in plot.lines if line.get_marker() in ("<", ">")]
    assert [(line.get_marker(), line.get_ydata()[0]) for line in arrows] == [(">", 2)]
    assert arrows[0].get_xdata()[0] == plot.get_xlim()[1] < 40


def test_causes_have_panels_whose_curves_differ_in_more_than_colour():
    plots = figures.cumulative_incidence_curves(INCIDENCES).axes
    assert [plot.get_title(loc="left") for plot in plots] == ["bleeding", "death"]
    assert len({line.get_linestyle() for line in plots[0].lines}) == 2
    assert max(plots[0].lines[0].get_ydata()) == pytest.approx(20.3)  # percent
    one = figures.cumulative_incidence_curves(INCIDENCES.iloc[:6], cause=None)
    assert len(one.axes) == 1


def test_a_window_is_a_line_from_its_first_day_to_the_end_of_its_last():
    drawn = figures.relative_incidence(WINDOWS)
    spans = [tuple(line.get_xdata()) for line in drawn.axes[0].lines if line.get_linewidth() > 2]
    assert spans == [(1, 31), (31, 61)]
    assert {"3.10\n(2.40–4.00)", "0.00"} <= texts(drawn)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.forest_plot(RATIOS), "forest plot: the table has no column label"),
        (lambda: figures.forest_plot(RATIOS.iloc[3:], label="level"), "no ratio is above 0"),
        (lambda: figures.forest_plot(RATIOS.iloc[:0], label="level"), "has no rows"),
        (lambda: figures.forest_plot(RATIOS, label="level", reference=0), "give a ratio above 0"),
        (lambda: figures.relative_incidence(WINDOWS.assign(last_day=-40)), "ends before it begins"),
        (lambda: figures.relative_incidence(WINDOWS.iloc[:1]), "no window has a ratio above 0"),
        (lambda: figures.flow_chart(STEPS.iloc[::-1]), "has more persons than the one before"),
        (
            lambda: figures.cumulative_incidence_curves(INCIDENCES.assign(group=range(12))),
            "6 groups, where a figure tells 4 apart",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(MethodError, match=message):
        draw()


def test_figures_may_leave_beside_their_tables(tmp_path):
    out = Outputs(tmp_path)
    out.estimates("ratios", RATIOS.fillna({"subgroup": ""}), persons="persons")
    out.figure(
        "forest",
        figures.forest_plot(RATIOS, label="level", group="subgroup", beside=["persons"]),
        data="ratios",
    )
    out.estimates("windows", WINDOWS, persons=12000)
    out.figure("relative", figures.relative_incidence(WINDOWS), data="windows")
    out.counts("flow", STEPS, by=["step"], persons=["persons", "new", "old"], flow_chart=True)
    out.figure("chart", figures.flow_chart(STEPS), data="flow")
    behind = {"at_risk": [911, 613, 503] * 4, "events": [0, 90, 80] * 4}
    out.curve("incidence", INCIDENCES.assign(**behind))
    out.figure("curves", figures.cumulative_incidence_curves(INCIDENCES), data="incidence")
    assert [finding.line for finding in check(tmp_path, profile("default")) if finding.blocks] == []
