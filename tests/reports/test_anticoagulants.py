"""The report on anticoagulants says no more than its intervals allow, in both languages."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from sundbench import disclosure
from sundbench.release.outputs import Outputs
from sundbench.release.report import publish
from sundbench.release.wording import LANGUAGES
from sundbench.site import Site

NAME = "anticoagulant_safety"
ARMS = ("warfarin", "apixaban")
OUTCOMES = ("bleeding", "stroke", "death")
Interval = tuple[float, float, float]


def rates(**differences: Interval) -> pd.DataFrame:
    """Weighted rates whose differences are given; warfarin's are about 40 of each outcome."""
    rows = []
    for outcome, (difference, lower, upper) in differences.items():
        rows += [
            (outcome, "weighted", "warfarin", 40.137, 36.137, 44.137),
            (outcome, "weighted", "apixaban", 40.137 + difference, 30.137, 50.137),
            (outcome, "weighted", "difference", difference, lower, upper),
        ]
    return pd.DataFrame(rows, columns=["outcome", "analysis", "arm", "per_thousand", "lower", "upper"])


def ratios() -> pd.DataFrame:
    rows = [
        (outcome, analysis, hr, hr * 0.9, hr * 1.1)
        for outcome in OUTCOMES
        for analysis, hr in (("not adjusted", 1.3), ("intention to treat", 0.8), ("on treatment", 0.81))
    ]
    return pd.DataFrame(rows, columns=["outcome", "analysis", "hr", "lower", "upper"])


def emit(out: Outputs) -> None:
    """Write what the report needs, from invented numbers; what a small run leaves out is left out."""
    everybody = 1000
    steps = ["any of the drugs", "from 2012-01-01 to 2024-06-30", "atrial fibrillation, aged 18 or more"]
    flow = pd.DataFrame({"step": steps, "persons": [2400, 1060, everybody]})
    flow["warfarin"] = pd.array([None, None, 600], dtype="Int64")
    flow["apixaban"] = pd.array([None, None, 400], dtype="Int64")
    out.counts("flow_chart", flow, by=["step"], persons=["persons", *ARMS], flow_chart=True)
    years = [
        ("warfarin", "2012", 350),
        ("warfarin", "2013", 250),
        ("apixaban", "2012", 150),
        ("apixaban", "2013", 250),
    ]
    out.counts("new_users", pd.DataFrame(years, columns=["group", "year", "persons"]), by=["group", "year"])
    sexes = [
        ("warfarin", "male", 320),
        ("warfarin", "female", 280),
        ("apixaban", "male", 210),
        ("apixaban", "female", 190),
    ]
    baseline = pd.DataFrame(sexes, columns=["group", "level", "persons"]).assign(characteristic="sex")
    out.counts("baseline", baseline, by=["group", "characteristic", "level"])
    table = pd.DataFrame(
        {"outcome": OUTCOMES, "events": [150, 90, 200], "person_years": 4000.0, "detectable": 0.7}
    )
    out.estimates("feasibility", table, persons=everybody, events="events", by=["outcome"])
    balance = pd.DataFrame(
        {"covariate": ["age", "diabetes"], "smd_before": [0.4, 0.1], "smd_after": [0.0, 0.0]}
    )
    out.estimates("balance", balance, persons=everybody)
    shares = pd.DataFrame(
        {"arm": [*ARMS, "all"], "persons": [600, 400, everybody], "share": [0.55, 0.6, 0.57]}
    )
    out.estimates("equipoise", shares, persons="persons", by=["arm"])
    weighted = rates(
        bleeding=(-9.037, -14.037, -4.037), stroke=(1.037, -3.037, 5.037), death=(-1.537, -5.037, 2.237)
    )
    out.estimates("rates", pd.concat([weighted, weighted.assign(analysis="not adjusted")]), persons=everybody)
    out.estimates("hazard_ratios", ratios(), persons=everybody)
    for outcome in ("bleeding", "stroke"):
        days = np.arange(10, 1000, 10)
        parts = [
            pd.DataFrame(
                {
                    "group": arm,
                    "cause": cause,
                    "time": days,
                    "at_risk": 400 - 2 * np.arange(days.size),
                    "events": 1,
                    "incidence": days / 10_000,
                    "lower": days / 12_000,
                    "upper": days / 9_000,
                }
            )
            for arm in ARMS
            for cause in (outcome, "death before it")
        ]
        steps = disclosure.curve(
            pd.concat(parts),
            grid=range(60, 1000, 60),
            by=["group", "cause"],
            values=["incidence", "lower", "upper"],
            start=0.0,
        )
        out.curve(f"{outcome}_incidence", steps.rename(columns={"persons": "at_risk", "incidence": "risk"}))
    varied = ratios().query("analysis == 'on treatment'").assign(analysis="matched 1:1")
    out.estimates("sensitivity", varied, persons=everybody)
    strengths = pd.DataFrame({"outcome": OUTCOMES, "e_value": 1.8, "e_value_limit": 1.3})
    out.estimates("e_values", strengths, persons=everybody)


def test_the_report_reads_in_both_languages_and_asks_for_nothing(
    site: Site, let_out: Callable[..., str], repository: Path, opened: Callable[[Path], Any]
) -> None:
    path = publish(site, repository / "reports" / NAME, let_out(NAME, emit))
    page = opened(path)

    danish = page.inner_text("main").replace("\u00a0", " ")
    assert "Med apixaban får færre en alvorlig blødning end med warfarin: omkring 9 færre om året" in danish
    assert "Hvad rapporten ikke kan sige" in danish
    assert "har ikke fået" not in danish  # the invented flow chart has no step of a washout
    assert "for få hændelser" in danish  # subgroups, controls and case series were not released

    page.click("text=English")
    english = page.inner_text("main").replace("\u00a0", " ")
    assert "With apixaban fewer have a serious bleeding than with warfarin: about 9 fewer a year" in english
    assert "What this report can't say" in english
    assert "Hvor kommer" not in english

    figures = page.locator("figure svg[role=img]")
    assert figures.count() == 10
    assert all(figures.nth(i).get_attribute("aria-label") for i in range(10))


@pytest.fixture
def said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """What the report's first cells say for given differences a 1,000 person-years."""
    notebook = nbformat.read(repository / "reports" / NAME / "dashboard.ipynb", as_version=4)
    setup, answer, facts = (cell.source for cell in notebook.cells[:3])

    def write(**differences: Interval) -> dict[str, str]:
        tables = {"rates": rates(**differences), "hazard_ratios": ratios()}
        release = SimpleNamespace(
            about=SimpleNamespace(manifest=SimpleNamespace(parameters={"new_drug": "apixaban"})),
            table=tables.__getitem__,
            names=list(tables),
        )
        monkeypatch.setattr("sundbench.release.released.released", lambda: release)
        names: dict[str, Any] = {}
        for source in (setup, answer, facts):
            exec(source, names)
        return {
            language: " | ".join((names["headline"](language), names["explained"](language)))
            for language in LANGUAGES
        }

    return write


NONE: Interval = (1.0, -3.0, 5.0)


def test_fewer_where_the_whole_interval_says_so(said) -> None:
    text = said(bleeding=(-9.0, -14.0, -4.0), stroke=NONE, death=NONE)
    assert text["da"].startswith(
        "Med apixaban får færre en alvorlig blødning end med warfarin: omkring 9 færre"
    )
    assert "har 40 en alvorlig blødning med warfarin og 31 med apixaban" in text["da"]
    assert "4 til 14 færre" in text["da"]
    assert "fewer a year" in text["en"].split(" | ")[0]
    assert "4 to 14 fewer" in text["en"]


def test_no_direction_where_the_interval_holds_none(said) -> None:
    text = said(bleeding=(-3.0, -9.0, 3.0), stroke=NONE, death=NONE)
    assert text["da"].startswith("Tallene kan ikke afgøre")
    assert text["en"].startswith("The numbers can't tell")
    assert "9 færre til 3 flere" in text["da"]


def test_more_where_the_whole_interval_says_so(said) -> None:
    text = said(bleeding=(6.0, 2.0, 10.0), stroke=(-5.0, -8.0, -2.0), death=NONE)
    assert "omkring 6 flere" in text["da"].split(" | ")[0]
    assert "2 to 10 more" in text["en"]
    assert "Der er 5 færre blodpropper i hjernen (2 til 8 færre)." in text["da"]
    assert "For dødsfald viser tallene ingen sikker forskel (mellem 3 færre og 5 flere)." in text["da"]


def test_limits_that_are_missing_are_said_to_be(said) -> None:
    text = said(bleeding=(-3.0, np.nan, np.nan), stroke=NONE, death=NONE)
    assert text["da"].startswith("Tallene kan ikke afgøre")
    assert "ikke beregnet" in text["da"]
    assert "nan" not in text["da"] + text["en"]
