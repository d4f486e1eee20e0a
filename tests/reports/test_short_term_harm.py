"""The report on short-term harm: an answer that says no more than its numbers, figures, and the annex."""

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest

from sundbench.release.outputs import Outputs
from sundbench.release.report import publish
from sundbench.release.wording import LANGUAGES
from sundbench.site import Site

REPORT = "short_term_harm"
PARAMETERS = {"drug": "J01MA02", "outcome_codes": "DS860 DM766", "risk_windows": "1-30 31-60"}


@pytest.fixture
def said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """What the report's first cells show for a given first window."""
    path = repository / "reports" / REPORT / "dashboard.ipynb"
    setup, answer, facts = (cell.source for cell in nbformat.read(path, as_version=4).cells[:3])

    def write(rr: float, lower: float, upper: float, *, per_treated: bool = True, **given: str) -> str:
        rows = [("first, days 1-30", 1, 30, rr, lower, upper)] if not math.isnan(rr) else []
        tables = {
            "relative_incidence": pd.DataFrame(
                [*rows, ("later, days 1-30", 1, 30, 2.0, 1.0, 4.0)],
                columns=["window", "first_day", "last_day", "rr", "lower", "upper"],
            ),
            "excess": pd.DataFrame(
                {
                    "quantity": ["events caused", "events caused per 100,000 treated"],
                    "estimate": [22.0, 256.0],
                    "lower": [12.0, 140.0],
                    "upper": [37.0, 431.0],
                }
            ),
        }
        if not per_treated:
            del tables["excess"]
        release = SimpleNamespace(
            about=SimpleNamespace(manifest=SimpleNamespace(parameters=PARAMETERS | given)),
            names=list(tables),
            table=tables.__getitem__,
            card=lambda _: SimpleNamespace(persons=4000),
        )
        monkeypatch.setattr("sundbench.release.released.released", lambda: release)
        names: dict[str, Any] = {}
        for source in (setup, answer, facts):
            exec(source, names)
        return {lang: f"{names['headline'](lang)} | {names['explained'](lang)}" for lang in LANGUAGES}

    return write


def test_more_often_where_the_whole_interval_is_above_one(said) -> None:
    text = said(2.83, 2.04, 3.98)
    assert text["da"].startswith(
        "På dag 1 til 30 efter en første udlevering af ciprofloxacin kommer skade på akillessenen "
        "omkring 2,8 gange så ofte som ellers. |"
    )
    assert "about 2.8 times as often as otherwise" in text["en"]
    assert "omkring 256 ekstra for hver 100.000, der får lægemidlet første gang (140 til 431)" in text["da"]


@pytest.mark.parametrize(
    ("numbers", "danish", "english"),
    [
        ((1.2, 0.8, 1.8), "kan tallene ikke afgøre", "the numbers can't tell"),
        ((0.5, 0.3, 0.8), "sjældnere end ellers", "less often than otherwise"),
        ((math.nan,) * 3, "for få tilfælde", "too few cases"),
    ],
)
def test_no_excess_is_told_where_none_is_sure(said, numbers, danish: str, english: str) -> None:
    text = said(*numbers, per_treated=not math.isnan(numbers[0]))
    assert danish in text["da"]
    assert english in text["en"]
    assert "100" not in text["da"] + text["en"]
    assert "nan" not in text["da"] + text["en"]


def test_another_medicine_is_told_by_its_code(said) -> None:
    text = said(2.0, 1.5, 2.7, drug="J01FA09", outcome_codes="DI490")
    assert "lægemidlet J01FA09 kommer skaden (DI490)" in text["da"]


def emit(out: Outputs) -> None:
    """Write what the study writes, from invented numbers."""
    out.counts(
        "attrition",
        pd.DataFrame(
            {
                "step": [
                    "ever resident in Denmark",
                    "resident on 1997-01-01; aged 18 or more",
                    "with the harm (cases)",
                    "cases with a dispensing",
                ],
                "persons": [60000, 30000, 4000, 1700],
            }
        ),
        by=["step"],
        flow_chart=True,
    )
    out.counts(
        "baseline",
        pd.DataFrame(
            {
                "group": ["users", "users", "others", "others"],
                "characteristic": "sex",
                "level": ["male", "female"] * 2,
                "persons": [4000, 4100, 11000, 10900],
            }
        ),
        by=["group", "characteristic", "level"],
        exclusive=False,
    )
    out.estimates(
        "balance",
        pd.DataFrame(
            {"covariate": ["age", "sex=male"], "smd_before": [0.31, -0.12], "smd_after": [0.0, 0.0]}
        ),
        persons=30000,
    )
    out.estimates(
        "relative_incidence",
        pd.DataFrame(
            {
                "window": ["days before and the day itself", "first, days 1-30", "later, days 1-30"],
                "first_day": [-30, 1, 1],
                "last_day": [0, 30, 30],
                "events": [25, 35, 27],
                "rr": [1.21, 2.83, 3.53],
                "lower": [0.81, 2.04, 2.4],
                "upper": [1.79, 3.98, 5.19],
            }
        ),
        persons=4000,
        events="events",
    )
    out.estimates(
        "excess",
        pd.DataFrame(
            {
                "quantity": ["events caused", "events caused per 100,000 treated"],
                "estimate": [22.7, 256.3],
                "lower": [12.8, 144.2],
                "upper": [36.6, 413.1],
            }
        ),
        persons=8855,
        events=35,
        parameters=1,
    )
    out.curve(
        "cumulative_incidence",
        pd.DataFrame(
            {
                "group": "first dispensing",
                "time": [0.0, 30.0, 90.0],
                "incidence": [0.0, 0.00413, 0.00702],
                "lower": [0.0, 0.0029, 0.0054],
                "upper": [0.0, 0.0057, 0.0091],
                "at_risk": [8800, 8700, 8500],
                "events": [0, 36, 25],
            }
        ),
    )
    naive = pd.DataFrame(
        {
            "comparison": ["year after against never", "first window against never"],
            "rr": [1.99, 4.39],
            "lower": [1.7, 3.05],
            "upper": [2.31, 6.12],
        }
    )
    out.estimates(
        "diagnostics",
        pd.DataFrame(
            {
                "diagnostic": ["before exposure", "rare event"],
                "value": [1.158, 0.14],
                "lower": [0.767, math.nan],
                "upper": [1.749, math.nan],
                "from": [0.8, 0.0],
                "to": [1.25, 0.1],
                "passed": ["yes", "no"],
                "reason": ["the interval reaches what is tolerated", "the event isn't rare"],
            }
        ),
        persons=4000,
        by=["diagnostic", "passed", "reason"],
    )
    out.estimates("naive", naive, persons=30000, parameters=1)
    choices = naive.rename(columns={"comparison": "analysis"}).assign(
        analysis=["main analysis", "first event alone"]
    )
    out.estimates("sensitivity", choices, persons=4000, parameters=30)


def test_the_page_reads_in_both_languages(
    site: Site, let_out: Callable[..., str], repository: Path, opened
) -> None:
    path = publish(site, repository / "reports" / REPORT, let_out(REPORT, emit))
    page = opened(path)

    danish = page.inner_text("main").replace("\u00a0", " ")
    assert "kommer skade på akillessenen omkring 2,8 gange så ofte som ellers." in danish
    assert "Første udlevering, dag 1\u201130" in danish
    assert "Hvorfor ikke bare sammenligne med andre?" in danish
    assert "Why not simply" not in danish
    assert "Dagene før en udlevering\t1,16\t0,77\t1,75\t0,80\t1,25\tja" in danish
    page.click("text=English")
    english = page.inner_text("main").replace("\u00a0", " ")
    assert "about 2.8 times as often as otherwise" in english
    assert "Why not simply compare with others?" in english

    described = page.eval_on_selector_all(
        "figure svg[role=img]", "all => all.map(one => one.getAttribute('aria-label'))"
    )
    assert len(described) == 2 * 6
    assert "boede i Danmark 1. januar 1997, og var mindst 18 år: 30.000" in " ".join(described)
    assert "nan" not in " ".join(described)
