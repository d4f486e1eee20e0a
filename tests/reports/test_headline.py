"""The report's answer says no more than its numbers do, on every side of the cost-effectiveness plane."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest

from sundbench.release.wording import LANGUAGES

Interval = tuple[float, float, float]
NONE = (math.nan, math.nan, math.nan)


@pytest.fixture
def said(repository: Path, monkeypatch: pytest.MonkeyPatch):
    """What the report's first cells show for given differences: cost, life-years and cost per life-year."""
    path = repository / "reports" / "drug_cost_effectiveness" / "dashboard.ipynb"
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    setup, answer, facts = (cell.source for cell in notebook.cells[:3])

    def write(cost: Interval, gained: Interval, ratio: Interval) -> dict[str, str]:
        rows = [
            ("total cost", "difference", *cost),
            ("life-years", "difference", *gained),
            ("cost per life-year", "difference", *ratio),
        ]
        table = pd.DataFrame(rows, columns=["quantity", "arm", "estimate", "lower", "upper"])
        release = SimpleNamespace(
            about=SimpleNamespace(manifest=SimpleNamespace(parameters={"horizon_years": 3.0})),
            table=lambda _: table,
            card=lambda _: SimpleNamespace(persons=300),
        )
        monkeypatch.setattr("sundbench.release.released.released", lambda: release)
        names: dict[str, Any] = {}
        for source in (setup, answer, facts):
            exec(source, names)
        return {
            language: " | ".join(
                (
                    names["headline"](language),
                    names["explained"](language),
                    names["price"](language),
                    names["price_caveat"](language),
                )
            )
            for language in LANGUAGES
        }

    return write


def test_a_price_where_both_differences_are_sure(said) -> None:
    text = said((404e3, 324e3, 486e3), (0.5, 0.3, 0.7), (808e3, 500e3, 1.4e6))
    assert text["da"].startswith("Et vundet leveår med pembrolizumab koster omkring 808.000 kr. |")
    assert text["en"].startswith("A life-year gained with pembrolizumab costs about DKK 808,000. |")
    assert "500.000 til 1.400.000 kr." in text["da"]
    assert "DKK 500,000 to 1,400,000" in text["en"]


def test_no_price_in_the_headline_where_there_may_be_no_gain(said) -> None:
    text = said((404e3, 324e3, 486e3), (0.17, -0.04, 0.38), (2_416_850, 1_146_906, math.nan))
    headline = text["da"].split(" | ")[0]
    assert "2.417.000" not in headline
    assert "404.000 kr. mere pr. person, men det er usikkert, om det giver flere leveår" in headline
    assert "Det kan altså ikke udelukkes, at der slet ingen gevinst er." in text["da"]
    assert "2.417.000 kr. (95 %: mindst 1.147.000 kr., ingen øvre grænse)" in text["da"]
    assert "it is uncertain whether it gives more life-years" in text["en"]
    assert "at least DKK 1,147,000, no upper limit" in text["en"]


@pytest.mark.parametrize(
    ("cost", "gained", "ratio", "danish"),
    [
        ((50e3, 10e3, 90e3), (-0.4, -0.6, -0.2), NONE, "koster mere end kemoterapi og giver færre leveår"),
        ((-50e3, -90e3, -10e3), (0.4, 0.2, 0.6), NONE, "giver flere leveår og koster mindre"),
        (
            (-50e3, -90e3, -10e3),
            (-0.4, -0.6, -0.2),
            (125e3, 50e3, 200e3),
            "125.000 kr. spares for hvert tabt",
        ),
        ((-50e3, -90e3, -10e3), (0.1, -0.2, 0.4), NONE, "usikkert, hvordan det påvirker antallet af leveår"),
        (
            (5e3, -9e3, 20e3),
            (0.4, 0.2, 0.6),
            (12_500, math.nan, 60e3),
            "0,40 flere leveår pr. person, og det er",
        ),
        ((5e3, -9e3, 20e3), (-0.4, -0.6, -0.2), NONE, "0,40 færre leveår"),
        ((5e3, -9e3, 20e3), (0.1, -0.2, 0.4), (50e3, math.nan, math.nan), "Tallene kan ikke afgøre"),
        ((5e3, math.nan, math.nan), (0.0, math.nan, math.nan), NONE, "Tallene kan ikke afgøre"),
    ],
)
def test_every_other_side(said, cost: Interval, gained: Interval, ratio: Interval, danish: str) -> None:
    text = said(cost, gained, ratio)
    assert danish in text["da"].split(" | ")[0]
    assert "nan" not in text["da"] + text["en"]
    assert "– kr." not in text["da"]
    if not (cost[0] > 0 and gained[0] > 0):
        assert "findes ikke" in text["da"]
