"""Laboratory results: numbers out of text."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import laboratory
from sundbench.cohort.views.laboratory import RESULT


def results(*texts: str | None, **more) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1] * len(texts),
            "samplingdate": date(2019, 1, 1),
            "analysiscode": "NPU27300",
            "value": pl.Series(texts, dtype=pl.String),
            **more,
        }
    )


def test_columns_and_types(bucket):
    view = laboratory(bucket(lab_forsker=results("48", unit="mmol/mol")))
    assert view.collect_schema() == {"person": pl.Int32, **RESULT}
    assert view.collect().rows() == [(1, date(2019, 1, 1), "NPU27300", 48.0, "", "48", "mmol/mol")]


@pytest.mark.parametrize(
    ("text", "value", "operator"),
    [
        ("6.9", 6.9, ""),
        ("6,9", 6.9, ""),
        (" 6.9 ", 6.9, ""),
        ("-1.2", -1.2, ""),
        (",5", 0.5, ""),
        ("<5", 5.0, "<"),
        ("< 0,3", 0.3, "<"),
        (">90", 90.0, ">"),
        ("≤5", 5.0, "<="),
        (">=60", 60.0, ">="),
        ("POSITIV", None, ""),
        ("48-53", None, ""),
        ("1.234.567", None, ""),
        ("", None, ""),
        (None, None, ""),
    ],
)
def test_numbers_in_text(bucket, text, value, operator):
    view = laboratory(bucket(lab_forsker=results(text))).select("value", "operator", "text").collect()
    assert view.rows() == [(value, operator, text)]


def test_filters_on_analyses_reach_the_scan(bucket):
    plan = laboratory(bucket(lab_forsker=results("1"))).filter(pl.col("npu") == "NPU03835").explain()
    assert "SELECTION" in plan
    assert "FILTER" not in plan


@pytest.mark.parametrize(
    ("text", "sign", "operator"),
    [
        ("5", "<", "<"),
        ("5", " ≥", ">="),
        ("5", None, ""),
        ("5", "=", ""),
        ("<5", ">", "<"),
        ("<5", None, "<"),
    ],
)
def test_the_sign_may_stand_in_a_column_of_its_own(bucket, text, sign, operator):
    frame = results(text, operator=pl.Series([sign], dtype=pl.String))
    assert laboratory(bucket(lab_forsker=frame)).collect()["operator"].to_list() == [operator]
