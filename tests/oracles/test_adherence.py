"""Adherence against AdhereR (oracle adherence_adherer): every measure, variant, person and dispensing."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import adherence

COLUMNS = {"person": "PATIENT_ID", "date": "DATE", "duration": "DURATION"}
DRUGS = {"dose": "PERDAY", "medication": "CATEGORY"}
VARIANTS = {
    "": {"carry_over": "any"},
    "default": {"carry_over": "any"},
    "same_med": {"carry_over": "same"},
    "dosage": {"carry_over": "any", "dose_changes": True},
    "same_med_dosage": {"carry_over": "same", "dose_changes": True},
}


@pytest.fixture(scope="module")
def events(oracle):
    folder, _ = oracle("adherence_adherer")
    data = pd.read_csv(folder / "med_events.csv")
    return data.assign(DATE=pd.to_datetime(data["DATE"], format="%m/%d/%Y"))


@pytest.mark.parametrize(
    ("file", "start", "length", "called"),
    [
        ("expected_cma_ow182_365.csv", 182, 365, "cma_ow182_365"),
        ("expected_cma_ow0_730.csv", 0, 730, "cma_ow0_730"),
    ],
)
def test_every_measure_of_every_person(oracle, events, file, start, length, called):
    folder, told = oracle("adherence_adherer")
    expected = pd.read_csv(folder / file, index_col="PATIENT_ID")
    tolerance = told["expected"][called]["tolerance"]["abs"]
    measure = partial(
        adherence.cma, events, **COLUMNS, **DRUGS, follow_up_days=730, window_start=start, window_days=length
    )
    for column in expected.columns:
        name, _, variant = column.partition("_")
        table = measure(kind=int(name.removeprefix("CMA")), **VARIANTS[variant]).table
        assert table["person"].tolist() == expected.index.tolist()
        np.testing.assert_allclose(table["cma"], expected[column], rtol=0, atol=tolerance, err_msg=column)
        assert (table["cma"].isna() == table["reason"].notna()).all()


def test_the_two_persons_of_the_vignette(oracle, events):
    _, told = oracle("adherence_adherer")
    case = told["expected"]["vignette"]
    table = adherence.cma(
        events, **COLUMNS, kind=1, follow_up_days=730, window_start=182, window_days=365
    ).table
    found = table.set_index("person")["cma"]
    for person, value in case["CMA1"].items():
        assert found[int(person)] == pytest.approx(value, abs=case["tolerance"]["abs"])


def test_every_dispensing_of_the_seventh_measure(oracle, events):
    folder, told = oracle("adherence_adherer")
    expected = pd.read_csv(folder / told["expected"]["event_info"]["file"])
    result = adherence.cma(
        events,
        **COLUMNS,
        **DRUGS,
        kind=7,
        follow_up_days=730,
        window_start=182,
        window_days=365,
        carry_over="any",
    )
    found = result.events
    assert found["person"].tolist() == expected["PATIENT_ID"].tolist()
    assert (found["date"].to_numpy() == pd.to_datetime(expected[".DATE.as.Date"]).to_numpy()).all()
    np.testing.assert_allclose(found["gap_days"], expected["gap.days"])
    np.testing.assert_allclose(found["carried"], expected[".CARRY.OVER.FROM.BEFORE"])
    assert found["used"].tolist() == expected[".EVENT.USED.IN.CMA"].tolist()
    # AdhereR leaves intervals before the window out; here they are told.
    inside = expected["event.interval"].notna()
    np.testing.assert_allclose(found.loc[inside, "interval"], expected.loc[inside, "event.interval"])


@pytest.mark.parametrize(
    ("gap", "change", "called"), [(30, False, "30"), (180, False, "180"), (90, True, "90_med_change")]
)
def test_episodes(oracle, events, gap, change, called):
    folder, told = oracle("adherence_adherer")
    expected = pd.read_csv(folder / told["expected"]["episodes"]["files"][called])
    found = adherence.episodes(
        events,
        **COLUMNS,
        medication="CATEGORY",
        gap_days=gap,
        follow_up_days=730,
        medication_change=change,
    ).table
    assert found["person"].tolist() == expected["PATIENT_ID"].tolist()
    for ours, theirs in (
        ("episode", "episode.ID"),
        ("gap_days", "end.episode.gap.days"),
        ("days", "episode.duration"),
    ):
        assert found[ours].tolist() == expected[theirs].tolist()
    assert (found["start"].to_numpy() == pd.to_datetime(expected["episode.start"]).to_numpy()).all()
    assert (found["end"].to_numpy() == pd.to_datetime(expected["episode.end"]).to_numpy()).all()


def test_adherence_within_episodes(oracle, events):
    _, told = oracle("adherence_adherer")
    expected = pd.DataFrame(told["expected"]["per_episode_vignette"]["rows"])
    found = adherence.per_episode(
        events[events["PATIENT_ID"].isin([37, 76])],
        **COLUMNS,
        medication="CATEGORY",
        medication_change=True,
        gap_days=180,
        follow_up_days=730,
        kind=9,
        carry_over="any",
    ).table
    np.testing.assert_allclose(found["cma"], expected["CMA"], rtol=0, atol=1e-9)
    assert found["episode_days"].tolist() == expected["episode.duration"].tolist()
    assert found["gap_days"].tolist() == expected["end.episode.gap.days"].tolist()
    assert found["end"].dt.strftime("%Y-%m-%d").tolist() == expected["episode.end"].tolist()
