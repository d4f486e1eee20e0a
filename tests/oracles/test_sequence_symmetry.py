"""Sequence symmetry against OHDSI's CohortSymmetry (oracle sequence_symmetry_cohortsymmetry)."""

import math

import pandas as pd
import pytest

from sundbench.methods import self_controlled


@pytest.fixture
def simulated(oracle):
    folder, expected = oracle("sequence_symmetry_cohortsymmetry")
    index = pd.read_csv(folder / "index_first_dates.csv", parse_dates=["index_date"])
    marker = pd.read_csv(folder / "marker_first_dates.csv", parse_dates=["marker_date"])
    return index, marker, expected


def number(value):
    return math.inf if value == "Inf" else value


def test_ratios_and_limits_over_windows(simulated):
    index, marker, expected = simulated
    rows = expected["expected"]["grid"]["rows"]
    assert rows
    for row in rows:
        blackout, window = (number(limit) for limit in row["combination_window"])
        found = self_controlled.sequence_symmetry(
            index,
            marker,
            window_days=window,
            blackout_days=blackout,
            moving_window_days=number(row["moving_average_restriction"]),
            conf_level=row["ci_level"] / 100,
        )
        assert (found.index_first, found.marker_first) == (row["index_first"], row["marker_first"])
        table = found.table
        ours = {
            "csr": found.csr,
            "nsr": found.nsr,
            "asr": found.asr,
            "lower_csr": table.loc["crude", "lower"],
            "upper_csr": table.loc["crude", "upper"],
            "lower_asr": table.loc["adjusted", "lower"],
            "upper_asr": table.loc["adjusted", "upper"],
        }
        for name, value in ours.items():
            assert value == pytest.approx(row[name], rel=expected["tolerance"]["rel"]), name


def test_limits_of_counts_alone(simulated):
    _, _, expected = simulated
    theirs = expected["expected"]["simple"]["value"]
    found = self_controlled.SequenceSymmetry(
        index_first=30, marker_first=20, same_day=0, nsr=1.1, interval="exact", conf_level=0.95
    )
    for term, short in (("crude", "csr"), ("adjusted", "asr")):
        for side in ("lower", "upper"):
            value = theirs[f"{side}_{short}_ci"]
            assert found.table.loc[term, side] == pytest.approx(value, rel=expected["tolerance"]["rel"])
