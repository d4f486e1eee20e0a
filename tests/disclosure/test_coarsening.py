"""Flow charts and curves that may leave."""

import pandas as pd
import polars as pl
import pytest

from sundbench.disclosure.coarsening import curve, flow_chart
from sundbench.errors import DisclosureError


def test_steps_that_take_away_a_few_are_merged_with_the_next() -> None:
    steps = pd.DataFrame({"step": list("abcdef"), "persons": [1000, 998, 700, 700, 650, 648]})
    merged = flow_chart(steps)
    assert merged["step"].tolist() == ["a", "b; c", "d", "e; f"]
    assert merged["persons"].tolist() == [1000, 700, 700, 648]


def test_polars_frames_and_several_columns() -> None:
    steps = pl.DataFrame({"step": ["a", "b", "c"], "new": [50, 49, 30], "old": [90, 70, 60]})
    merged = flow_chart(steps, persons=["new", "old"])
    assert merged["step"].tolist() == ["a", "b; c"]


def test_a_step_that_grows_is_refused() -> None:
    with pytest.raises(DisclosureError, match="'b' has more persons"):
        flow_chart(pd.DataFrame({"step": ["a", "b"], "persons": [10, 12]}))


KM = pd.DataFrame(
    {
        "time": [10, 20, 40, 70, 95, 200],
        "at_risk": [100, 97, 90, 60, 40, 9],
        "events": [3, 4, 10, 2, 0, 5],
        "survival": [0.97, 0.93, 0.8, 0.78, 0.78, 0.5],
    }
)


def test_a_curve_steps_when_enough_events_have_gathered() -> None:
    steps = curve(KM, grid=range(30, 361, 30), values=["survival"])
    assert steps["time"].tolist() == [0, 30, 60]
    assert steps["survival"].tolist() == [1.0, 0.93, 0.8]
    assert steps["events"].tolist() == [0, 7, 10]
    assert steps["at_risk"].tolist() == [100, 90, 60]


def test_a_curve_goes_on_level_where_nothing_happens() -> None:
    steps = curve(KM.assign(events=[3, 4, 10, 0, 0, 0]), grid=[30, 60, 90], values=["survival"])
    assert steps["time"].tolist() == [0, 30, 60, 90]
    assert steps["survival"].iloc[-1] == steps["survival"].iloc[-2]


def test_weighted_curves_are_judged_by_persons() -> None:
    weighted = KM.assign(events=KM["events"] * 10.0)
    steps = curve(weighted, counts=KM, grid=[10, 20, 30], values=["survival"])
    assert steps["time"].tolist() == [0, 20, 30]


def test_counts_must_match() -> None:
    with pytest.raises(DisclosureError, match="a row for every row"):
        curve(KM, counts=KM.iloc[1:], grid=[30], values=["survival"])
