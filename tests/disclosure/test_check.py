"""Attempts to get out what may not leave, one a test; and plain outputs that may."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.encoding import parquet
from sundbench.disclosure.profile import profile
from sundbench.errors import DisclosureError
from sundbench.release.outputs import Outputs

Stopped = Callable[..., str]


def test_plain_aggregates_may_leave(out: Outputs, stopped: Stopped) -> None:
    sex = pd.DataFrame({"sex": ["men", "women"], "persons": [50, 60]})
    out.counts("sex", sex, by=["sex"])
    out.estimates(
        "hr", pd.DataFrame({"term": ["drug"], "hr": [0.8], "p_value": [0.01]}), persons=110, events=40
    )
    assert stopped() == ""


@pytest.mark.parametrize(
    ("persons", "name", "stops"),
    [
        (4, "default", True),
        (5, "default", False),
        (0, "default", False),
        (4, "danmarks_statistik", False),
        (2, "danmarks_statistik", True),
    ],
)
def test_a_cell_needs_the_profiles_number_of_persons(
    out: Outputs, stopped: Stopped, persons: int, name: str, stops: bool
) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men", "women"], "persons": [50, persons]}), by=["sex"])
    assert (f"{persons} persons, fewer than" in stopped(name)) is stops


def test_small_numbers_of_events_are_small_cells_too(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"sex": ["men"], "persons": [50], "bleedings": [2]})
    out.counts("bleeding", frame, by=["sex"], events="bleedings")
    assert "2 events, fewer than 5" in stopped()


def test_weighted_counts_are_not_counts_of_persons(out: Outputs, stopped: Stopped) -> None:
    out.counts("weighted", pd.DataFrame({"sex": ["men"], "persons": [50.5]}), by=["sex"])
    assert "no whole number" in stopped()


def test_steps_of_a_flow_chart_that_differ_by_one_to_four(out: Outputs, stopped: Stopped) -> None:
    steps = pd.DataFrame({"step": ["all", "adult", "resident"], "persons": [100, 97, 97]})
    out.counts("attrition", steps, by=["step"], flow_chart=True)
    assert "adult, persons: differs from the step before by 3 persons" in stopped()


def test_a_flow_chart_is_followed_within_each_group(out: Outputs, stopped: Stopped) -> None:
    steps = pd.DataFrame(
        {"step": ["all", "all", "adult", "adult"], "drug": ["a", "b", "a", "b"], "persons": [100, 60, 90, 58]}
    )
    out.counts("attrition", steps, by=["step", "drug"], flow_chart=True)
    assert stopped().count("differs from the step before") == 1


def test_one_row_a_person_whatever_it_is_called(out: Outputs, stopped: Stopped) -> None:
    out.estimates("model_diagnostics", pd.DataFrame({"residual": np.linspace(0, 1, 40)}), persons=40)
    assert "as many rows as persons" in stopped()


def test_most_of_the_persons_are_row_level_too(out: Outputs, stopped: Stopped) -> None:
    residuals = np.random.default_rng(1).normal(size=39)
    out.estimates("diagnostics", pd.DataFrame({"residual": residuals}), persons=100)
    assert "39 rows rest on 100 persons: fewer than 5 a row" in stopped()


def test_a_function_shown_over_a_grid_may_leave(out: Outputs, stopped: Stopped) -> None:
    worth = np.linspace(0, 3_000_000, 61)
    out.estimates("acceptability", pd.DataFrame({"worth": worth, "p": np.sqrt(worth) / 2000}), persons=150)
    assert stopped() == ""


def test_whole_numbers_are_observations_however_many_persons_are_stated(
    out: Outputs, stopped: Stopped
) -> None:
    ages = np.random.default_rng(1).integers(18, 95, 60)
    out.estimates("fitted", pd.DataFrame({"fitted": ages}), persons=100_000, parameters=1)
    assert "holds 60 whole numbers, as observations are" in stopped()


def test_a_long_table_is_shown_to_the_reviewers(out: Outputs) -> None:
    frame = pd.DataFrame({"group": [f"group {i}" for i in range(150)], "persons": 7})
    out.cube("explore", frame, by=["group"])
    (finding,) = check(out.folder, profile("default"))
    assert "has 150 rows" in finding.rule
    assert not finding.blocks


def test_rows_dressed_up_as_simulation_draws(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"draw": np.arange(40), "cost": np.linspace(0, 1, 40)})
    out.estimates("plane", frame, persons=40, replicate="draw")
    assert "look like one row a person" in stopped()


def test_simulation_draws_are_shown_to_the_reviewers(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"draw": np.arange(300), "cost": np.linspace(0, 1, 300)})
    out.estimates("plane", frame, persons=40, replicate="draw")
    assert stopped() == ""
    assert [finding.blocks for finding in check(out.folder, profile("default"))] == [False]


@pytest.mark.parametrize(
    "column", ["person", "pnr", "v_cpr", "pseudonym", "recnum", "dw_ek_kontakt", "mor_id"]
)
def test_keys_of_persons_and_records(out: Outputs, stopped: Stopped, column: str) -> None:
    out.counts("table", pd.DataFrame({column: ["1", "2"], "persons": [50, 60]}), by=[column])
    assert "named as a person's or a record's key" in stopped()


def test_pseudonyms_under_another_name(out: Outputs, stopped: Stopped) -> None:
    numbers = np.random.default_rng(1).integers(1, 2**31, 30)
    out.estimates("fit", pd.DataFrame({"site": numbers, "value": np.ones(30)}), persons=100, by=[])
    assert "as pseudonyms are" in stopped()


@pytest.mark.parametrize("text", ["010160-1234", "0101601234", "9f86d081884c7d659a2feaa0c55ad015"])
def test_person_numbers_and_hashes_among_categories(out: Outputs, stopped: Stopped, text: str) -> None:
    out.counts("table", pd.DataFrame({"hospital": [text, "b"], "persons": [50, 60]}), by=["hospital"])
    assert "look like person numbers or keys" in stopped()


def test_a_day_of_its_own_in_most_rows(out: Outputs, stopped: Stopped) -> None:
    days = pd.date_range("2020-01-01", periods=20).strftime("%Y-%m-%d")
    out.counts("admissions", pd.DataFrame({"when": days, "persons": 50}), by=["when"])
    assert "a day of its own" in stopped()


@pytest.mark.parametrize("name", ["max", "min_age", "median", "p95", "percentile_5", "range", "median_alder"])
def test_extremes_and_percentiles(out: Outputs, stopped: Stopped, name: str) -> None:
    out.estimates("ages", pd.DataFrame({"sex": ["men"], name: [104.0]}), persons=100)
    assert "may be a single person's value" in stopped()


def test_an_extreme_named_in_a_row(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"statistic": ["mean", "Max"], "value": [71.0, 104.0]})
    out.estimates("ages", frame, persons=100)
    assert "statistic=Max" in stopped()
    assert "statistic=mean" not in stopped()


def test_a_median_that_enough_persons_hold(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"sex": ["men", "women"], "median": [71.0, 69.0], "held": [6, 4]})
    out.estimates("ages", frame, persons=100, holders={"median": "held"})
    assert "sex=men" not in stopped()
    assert "sex=women" in stopped()


def test_a_share_gives_a_small_count_away(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"condition": ["diabetes", "rare", "nearly all"], "share": [0.2, 0.003, 0.999]})
    out.estimates("baseline", frame, persons=1000)
    assert "condition=rare" in stopped()
    assert "condition=nearly all" in stopped()
    assert "condition=diabetes" not in stopped()


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("share with diabetes", "estimate", 3 / 400),
        ("bleeding", "rate", 1000 * 3 / 400),
        ("incidence of bleeding", "estimate", 100_000 * 398 / 400),
        ("bleeding", "odds", 3 / 397),
    ],
)
def test_a_share_by_another_name(out: Outputs, stopped: Stopped, row: str, column: str, value: float) -> None:
    out.estimates("bleeding", pd.DataFrame({"what": [row], column: [value]}), persons=400, parameters=1)
    assert "gives away a group of fewer than 5" in stopped()


def test_events_that_nearly_all_had(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"drug": ["a"], "persons": [20], "deaths": [17]})
    out.counts("deaths", frame, by=["drug"], events="deaths")
    assert "17 events of 20 persons leave 3 without one" in stopped()


def test_values_beside_a_suppressed_count(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"region": ["a", "b"], "persons": [50, None], "cost": [10.0, 12.0]})
    out.estimates("cost", frame, persons="persons")
    assert "region=b: cost is shown for a suppressed count" in stopped()


def test_a_saturated_model(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"term": list("abcdefghijkl"), "coef": 0.1})
    out.estimates("fit", frame, persons=20)
    assert "fewer than 10 degrees of freedom" in stopped()


def test_raw_numbers_at_risk(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"arm": ["a", "b"], "survival": [0.9, 0.8], "n_risk": [90, 80], "n_censor": [1, 2]})
    out.estimates("survival", frame, persons=200)
    assert "raw numbers at risk" in stopped()


def test_a_curve_that_steps_with_each_event(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame(
        {"time": [0, 3, 9], "survival": [1, 0.99, 0.9], "at_risk": [100, 99, 90], "events": [0, 1, 9]}
    )
    out.curve("survival", frame)
    assert stopped() == (
        "survival: row 2, time=3: the curve moves on 1 events, fewer than 5; use disclosure.curve"
    )


def test_a_curve_with_more_events_than_persons(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame(
        {"time": np.arange(1, 50), "at_risk": 100, "events": 5, "s": np.linspace(1, 0.2, 49)}
    )
    out.curve("survival", frame)
    assert "states 245 events among 100 persons" in stopped()


def test_a_curve_that_goes_on_with_few_persons_left(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"time": [0, 9], "survival": [1, 0.1], "at_risk": [40, 4], "events": [0, 36]})
    out.curve("survival", frame)
    assert "shown for 4 persons, at least 5" in stopped()


@pytest.mark.parametrize(
    ("first", "second", "total", "rule"),
    [
        (900.0, 50.0, 1000.0, "p% rule"),
        (500.0, 400.0, 1000.0, "(n,k) rule"),
        (300.0, 200.0, 1000.0, ""),
        (500.0, 0.0, 550.0, "(n,k) rule"),
    ],
)
def test_dominated_sums(
    out: Outputs, stopped: Stopped, first: float, second: float, total: float, rule: str
) -> None:
    frame = pd.DataFrame(
        {"arm": ["a"], "persons": [20], "cost": [total], "first": [first], "second": [second]}
    )
    out.magnitudes("cost", frame, by=["arm"], largest={"cost": ("first", "second")})
    assert (rule in stopped()) if rule else stopped() == ""


def test_a_largest_contribution_below_the_mean_is_a_lie(out: Outputs, stopped: Stopped) -> None:
    frame = pd.DataFrame({"arm": ["a"], "persons": [20], "cost": [1000.0], "first": [10.0], "second": [10.0]})
    out.magnitudes("cost", frame, by=["arm"], largest={"cost": ("first", "second")}, means=["cost"])
    assert "misstated" in stopped()


def test_files_that_are_no_outputs(out: Outputs, stopped: Stopped) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men"], "persons": [50]}), by=["sex"])
    (out.folder / "persons.csv").write_text("1;2")
    (out.folder / "folder").mkdir()
    (out.folder / ".hidden").write_text("1")
    assert {line.split(":")[0] for line in stopped().splitlines()} == {"persons.csv", "folder", ".hidden"}


def test_a_table_put_in_the_place_of_another(out: Outputs, stopped: Stopped) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men"], "persons": [50]}), by=["sex"])
    pq.write_table(pa.table({"person": [1, 2, 3]}), out.folder / "sex.parquet")
    assert "is not what its card describes" in stopped()


def test_a_table_hidden_in_the_metadata_of_another(out: Outputs, stopped: Stopped) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men"], "persons": [50]}), by=["sex"])
    table = pq.read_table(out.folder / "sex.parquet").replace_schema_metadata({"rows": "1;2;3"})
    pq.write_table(table, out.folder / "sex.parquet")
    card = json.loads((out.folder / "sex.json").read_text())
    from sundbench.disclosure.output import digest

    card["digest"] = digest(out.folder / "sex.parquet")
    (out.folder / "sex.json").write_text(json.dumps(card))
    assert "holds more than the table" in stopped()


def test_a_table_written_into_a_note(out: Outputs, stopped: Stopped) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men"], "persons": [50]}), by=["sex"], note="too long " * 400)
    assert "note: holds 3600 letters" in stopped()


def test_digits_that_nobody_reads(out: Outputs, stopped: Stopped) -> None:
    out.estimates("cost", pd.DataFrame({"drug": ["a"], "cost": [1.2345678901234]}), persons=400)
    assert pq.read_table(out.folder / "cost.parquet")["cost"].to_pylist() == [1.23456789]
    content = parquet(pa.table({"drug": ["a"], "cost": [1.2345678901234]}))
    (out.folder / "cost.parquet").write_bytes(content)
    card = json.loads((out.folder / "cost.json").read_text())
    (out.folder / "cost.json").write_text(json.dumps(card | {"digest": hashlib.sha256(content).hexdigest()}))
    assert "fractions of more than 9 digits" in stopped()


@pytest.mark.parametrize("made", ["folder", "link", "dangling link", "pipe", "large file"])
def test_what_must_not_even_be_opened(out: Outputs, stopped: Stopped, tmp_path: Path, made: str) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["men"], "persons": [50]}), by=["sex"])
    path = out.folder / "x.json"
    if made == "folder":
        path.mkdir()
    elif made == "pipe":
        os.mkfifo(path)
    elif made == "large file":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    else:
        path.symlink_to(out.folder / "sex.json" if made == "link" else tmp_path / "nowhere")
    assert stopped().startswith("x.json: ")
    assert len(stopped().splitlines()) == 1


def test_a_card_that_is_none(out: Outputs, stopped: Stopped) -> None:
    (out.folder / "x.json").write_text('{"name": "x"}')
    assert stopped().startswith("x.json: card x.json: ")


def test_an_empty_outbox(out: Outputs) -> None:
    with pytest.raises(DisclosureError, match="empty"):
        check(out.folder, profile("default"))
