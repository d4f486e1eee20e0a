"""Cox's model: what it says, which laws it keeps, and what it refuses."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import survival
from sundbench.methods.survival import row_sums

X = ["x1", "x2"]


def draw(seed=1, size=80, longest=12) -> pd.DataFrame:
    """Data with ties, of which each column of the model can be used."""
    random = np.random.default_rng(seed)
    x1, x2 = random.normal(size=size), random.integers(0, 2, size)
    time = np.ceil(longest * random.exponential(size=size) * np.exp(-0.5 * x1 + 0.3 * x2))
    censored = np.ceil(longest * random.uniform(0.3, 2, size))
    end = np.minimum(time, censored) + 1
    return pd.DataFrame(
        {
            "time": end,
            "event": (time <= censored).astype(int),
            "start": np.floor(end * 0.8 * random.random(size) * random.integers(0, 2, size)),
            "x1": x1,
            "x2": x2,
            "w": random.integers(1, 4, size),
            "site": random.integers(0, 3, size),
            "person": np.arange(size),
            "shift": random.normal(size=size),
        }
    )


def fit(data, **keywords):
    return survival.cox(data, time="time", event="event", **{"covariates": X, **keywords})


def same(one, other, columns=("coef", "se"), rtol=1e-8):
    np.testing.assert_allclose(one.table[list(columns)], other.table[list(columns)], rtol=rtol, atol=1e-10)


def test_by_hand():
    # One event at a time, x 0 or 1: the derivative of the log likelihood is 0 where exp(b) = sqrt(2) / 2 * 1.
    data = pd.DataFrame({"t": [1, 2, 3], "e": [1, 1, 0], "x": [0, 1, 0]})
    found = survival.cox(data, time="t", event="e", covariates=["x"])
    assert list(found.table.columns) == ["coef", "se", "z", "p_value", "hr", "lower", "upper"]
    assert found.table.index.name == "term"
    ratio = found.table.loc["x", "hr"]
    # log likelihood: -log(2 + h) + log h - log(1 + h); its derivative 1/h = 1/(1 + h) + 1/(2 + h).
    assert 1 / ratio == pytest.approx(1 / (1 + ratio) + 1 / (2 + ratio))
    assert ratio == pytest.approx(np.sqrt(2))
    assert found.loglik_null == pytest.approx(-np.log(3) - np.log(2))


@pytest.mark.parametrize(
    "make", [pl.from_pandas, lambda d: pl.from_pandas(d).lazy(), pa.Table.from_pandas, dict]
)
def test_takes_any_frame(make):
    data = draw()
    pd.testing.assert_frame_equal(fit(data).table, fit(make(data)).table)


def test_categories_have_a_term_a_level_and_one_test_together():
    data = draw().assign(region=lambda d: d["site"].map({0: "east", 1: "north", 2: "west"}))
    found = fit(data, covariates=["x1", "region"])
    assert found.table.index.tolist() == ["x1", "region=north", "region=west"]
    assert found.proportional_hazards_test()["df"].to_dict() == {"x1": 1, "region": 2, "GLOBAL": 3}
    at = found.predict({"x1": [0.0], "region": ["east"]}, [5])
    assert 0 < at["lower"][0] < at["survival"][0] < at["upper"][0] < 1
    with pytest.raises(MethodError, match="covariate region: 1 values are levels"):
        found.predict({"x1": [0.0], "region": ["south"]}, [5])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("entry", [None, "start"])
def test_the_likelihood_is_the_one_of_the_definition(ties, entry):
    data = draw(3, 30, 5)
    found = fit(data, ties=ties, entry=entry, weights="w", strata="site", offset="shift")
    beta = found.coef.to_numpy()
    risk = np.exp(data[X].to_numpy() @ beta + data["shift"]) * data["w"]
    total = 0.0
    for (_, time), part in data[data["event"] == 1].groupby(["site", "time"]):
        begun = data["start"] < time if entry else True
        at_risk = risk[(data["site"] == part["site"].iloc[0]) & (data["time"] >= time) & begun].sum()
        total += (part["w"] * np.log(risk[part.index] / part["w"])).sum()
        for step in range(len(part)):
            gone = risk[part.index].sum() * step / len(part) if ties == "efron" else 0.0
            total -= part["w"].mean() * np.log(at_risk - gone)
    assert found.loglik == pytest.approx(total)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing(seed):
    data = draw(seed)
    keywords = {"entry": "start", "weights": "w", "strata": "site", "cluster": "site", "offset": "shift"}
    mixed = data.sample(frac=1, random_state=seed)
    one, other = fit(data, **keywords), fit(mixed, **keywords)
    same(one, other)
    assert one.concordance == pytest.approx(other.concordance)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_whole_weights_are_repeated_rows_with_breslow(seed):
    data = draw(seed)
    repeated = data.loc[data.index.repeat(data["w"])]
    one, other = fit(data, weights="w", ties="breslow"), fit(repeated, ties="breslow")
    same(one, other)
    assert one.loglik == pytest.approx(other.loglik)
    assert one.concordance == pytest.approx(other.concordance)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["efron", "breslow"]))
def test_cutting_rows_leaves_the_likelihood(seed, ties):
    data = draw(seed)
    cut = np.maximum(np.floor(data["time"] / 2), data["start"])
    cuttable = (cut > data["start"]) & (cut < data["time"])
    first = data.assign(
        time=np.where(cuttable, cut, data["time"]), event=np.where(cuttable, 0, data["event"])
    )
    second = data[cuttable].assign(start=cut[cuttable])
    split = pd.concat((first, second))
    keywords = {"entry": "start", "ties": ties, "cluster": "person"}
    one, other = fit(data, **keywords), fit(split, **keywords)
    same(one, other)
    assert one.loglik == pytest.approx(other.loglik)
    pd.testing.assert_frame_equal(one.baseline(), other.baseline())
    pd.testing.assert_frame_equal(
        one.proportional_hazards_test("log"), other.proportional_hazards_test("log")
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_strata_are_baselines_of_their_own(seed):
    data = draw(seed)
    whole = fit(data, strata="site")
    separate = pd.concat([data.assign(time=data["time"] + 100 * data["site"], start=100 * data["site"])])
    # Who enters at 100 times the site is never at risk with another site.
    same(whole, fit(separate, entry="start"))


def test_the_same_data_give_the_same_bits():
    data, keywords = (
        draw(4, 5000, 400),
        {"entry": "start", "weights": "w", "strata": "site", "cluster": "person"},
    )
    one, other = fit(data, **keywords), fit(data.copy(), **keywords)
    assert one.table.to_numpy().tobytes() == other.table.to_numpy().tobytes()
    assert one.loglik == other.loglik


@pytest.mark.parametrize("entry", [None, "start"])
def test_as_many_threads_as_there_are_give_the_same_bits(monkeypatch, entry):
    data = draw(4, 5000, 40)
    whole = fit(data, entry=entry)
    monkeypatch.setattr(row_sums, "_PART", 512)
    found = []
    for threads in (1, 8):
        monkeypatch.setattr(row_sums.os, "sched_getaffinity", lambda _, threads=threads: range(threads))
        found.append(fit(data, entry=entry))
    assert found[0].table.to_numpy().tobytes() == found[1].table.to_numpy().tobytes()
    same(found[0], whole, rtol=1e-11)


def test_an_offset_of_the_predictor_leaves_nothing_to_find():
    data = draw()
    beta = fit(data).coef.to_numpy()
    again = fit(data.assign(known=data[X].to_numpy() @ beta), offset="known")
    np.testing.assert_allclose(again.coef, 0, atol=1e-8)
    assert again.loglik == pytest.approx(fit(data).loglik)


def test_scaling_a_covariate_scales_its_coefficient():
    data = draw()
    one, other = fit(data), fit(data.assign(x1=data["x1"] * 1e6 + 1e7))
    assert other.table.loc["x1", "coef"] * 1e6 == pytest.approx(one.table.loc["x1", "coef"], rel=1e-6)
    assert other.loglik == pytest.approx(one.loglik)


def test_robust_variance_needs_whole_weights_or_a_cluster_to_stay_away():
    data = draw().assign(part=lambda d: d["w"] + 0.5)
    assert not fit(data, weights="w").robust
    assert fit(data, weights="part").robust
    assert fit(data, cluster="person").robust
    same(fit(data, cluster="person"), fit(data, robust=True))


def test_residuals_sum_to_nothing():
    found = fit(draw(), entry="start", strata="site")
    assert found.residuals("martingale").sum().iloc[0] == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(found.residuals("score").sum(), 0, atol=1e-8)
    np.testing.assert_allclose(found.residuals("schoenfeld")[X].sum(), 0, atol=1e-8)
    scaled = found.residuals("scaled schoenfeld")
    np.testing.assert_allclose(scaled[X].mean(), found.coef)
    assert scaled["time"].is_monotonic_increasing


def test_dfbeta_is_what_leaving_a_person_out_does():
    data = draw(size=400)
    moved = fit(data).residuals("dfbeta")
    without = fit(data.drop(index=7)).coef
    np.testing.assert_allclose(fit(data).coef - without, moved.loc[7], rtol=0.15)


def test_concordance_counts_pairs():
    data = draw(5, 40, 6)
    found = fit(data, entry="start")
    score, time, start, event = (data[c].to_numpy() for c in ("x1", "time", "start", "event"))
    score = data[X].to_numpy() @ found.coef.to_numpy()
    points = pairs = 0.0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & (event == 0))
        rivals = later & (start < time[i])
        pairs += rivals.sum()
        points += (score[rivals] < score[i]).sum() + 0.5 * (score[rivals] == score[i]).sum()
    assert found.concordance == pytest.approx(points / pairs)


def test_a_large_fit_starts_from_a_small_one_and_ends_at_the_same_place():
    random = np.random.default_rng(6)
    size = 120_000
    x = random.normal(size=(size, 3))
    time = np.ceil(1000 * random.exponential(np.exp(-x @ [0.5, -0.2, 0.0])))
    data = pd.DataFrame(x, columns=["a", "b", "c"]).assign(time=np.minimum(time, 900), event=time <= 900)
    found = fit(data, covariates=["a", "b", "c"])
    np.testing.assert_allclose(found.residuals("score").sum(), 0, atol=1e-6)
    np.testing.assert_allclose(found.coef, [0.5, -0.2, 0.0], atol=0.02)


def test_many_small_strata_agree_with_few_long_ones():
    # Matched sets of two, and one long stratum: both ways of summing within strata.
    random = np.random.default_rng(7)
    pairs = pd.DataFrame(
        {
            "time": random.integers(1, 50, 400),
            "event": random.integers(0, 2, 400),
            "x1": random.normal(size=400),
            "x2": random.integers(0, 2, 400),
            "set": np.repeat(np.arange(200), 2),
        }
    )
    long = draw(8, 300, 200).assign(set=-1)
    both = pd.concat((pairs, long), ignore_index=True)
    apart = fit(pairs, strata="set").loglik_null + fit(long).loglik_null
    assert fit(both, strata="set").loglik_null == pytest.approx(apart)


@pytest.mark.parametrize("times", [(1.5, 2.5, 3.5, 4.0), (10.0, 2e10, 3e10, 5e10)])
def test_times_need_not_be_days(times):
    data = pd.DataFrame(
        {"time": times, "event": [1, 1, 1, 0], "x": [1.0, 0.0, 1.0, 0.5], "site": [0, 0, 1, 1]}
    )
    ranks = data.assign(time=[1, 2, 3, 4])
    same(fit(data, covariates=["x"]), fit(ranks, covariates=["x"]))
    same(fit(data, covariates=["x"], entry=None), fit(ranks, covariates=["x"]))


def test_weights_of_nothing_leave_rows_out():
    data = draw()
    some = data.assign(w=(data["person"] % 3 > 0).astype(int))
    same(fit(some, weights="w"), fit(data[data["person"] % 3 > 0]))


INFINITE = r"the coefficients of x are infinite \(monotone likelihood\)"


@pytest.mark.parametrize("size", [4, 40, 4000])
def test_infinite_coefficients_are_told(size):
    half = size // 2
    data = pd.DataFrame({"time": np.arange(size) % 7 + 1, "event": [1] * half + [0] * half})
    data["x"] = data["event"]  # all events, and nobody else
    with pytest.raises(MethodError, match=INFINITE):
        fit(data, covariates=["x"])
    with pytest.raises(MethodError, match=INFINITE):
        fit(
            data.assign(x1=np.sin(np.arange(size)) if size > 4 else 0.0).assign(x=1 - data["x"]),
            covariates=["x"],
        )


def test_a_rare_group_without_events_is_told():
    data = draw(9, 500).assign(x=lambda d: ((d["person"] < 10) & (d["event"] == 0)).astype(int))
    with pytest.raises(MethodError, match=INFINITE):
        fit(data, covariates=["x1", "x"])


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({"x1": 1.0}, {}, "covariate x1 has the same value for everybody"),
        ({"event": 0}, {}, "event: no events"),
        ({"event": 2}, {}, "event: values other than 0 and 1"),
        ({"time": -1.0}, {}, "time: 80 of 80 values are negative"),
        ({"x1": np.nan}, {}, "column x1: 80 of 80 values are missing"),
        ({"x1": np.inf}, {}, "covariate x1: 80 of 80 values are infinite"),
        (
            {"start": 100.0},
            {"entry": "start"},
            r"80 of 80 rows enter \(start\) at or after their end \(time\)",
        ),
        ({"w": -1}, {"weights": "w"}, "weights w: 80 of 80 values are negative"),
        ({"w": 0}, {"weights": "w"}, "weights w: all are 0"),
        ({"shift": 1e6}, {"offset": "shift"}, "offset: values are too large"),
        ({}, {"covariates": ["x1", "x1"]}, "the column x1 is named twice"),
        ({}, {"covariates": ["x1", "time"]}, "the column time is named twice"),
        ({}, {"covariates": "x1"}, "covariates: give a list"),
        ({}, {"covariates": []}, "covariates: give a list"),
        ({}, {"covariates": ["age"]}, "the data have no column age"),
        ({}, {"ties": "exact"}, "ties exact is unknown"),
        ({}, {"conf_level": 95}, "conf_level 95 lies outside"),
        ({}, {"strata": "person"}, "the events don't determine the coefficients of x1, x2"),
    ],
)
def test_refuses(change, keywords, message):
    with pytest.raises(MethodError, match=message):
        fit(draw().assign(**change), **keywords)


def test_refuses_a_covariate_that_follows_from_others():
    data = draw().assign(double=lambda d: 2 * d["x1"] - 3 * d["x2"])
    with pytest.raises(MethodError, match="don't determine the coefficients of x1, x2, double"):
        fit(data, covariates=[*X, "double"])
    within = draw().assign(by_site=lambda d: 1.5 * d["site"])
    with pytest.raises(MethodError, match="don't determine the coefficients of by_site"):
        fit(within, covariates=["x1", "by_site"], strata="site")


def test_refuses_questions_it_cannot_answer():
    found = fit(draw(), strata="site")
    with pytest.raises(MethodError, match="stratum is needed"):
        found.predict({"x1": [0], "x2": [1]}, [3])
    with pytest.raises(MethodError, match="stratum 9 is unknown"):
        found.predict({"x1": [0], "x2": [1]}, [3], stratum="9")
    with pytest.raises(MethodError, match="transform sqrt is unknown"):
        found.proportional_hazards_test("sqrt")
    with pytest.raises(MethodError, match="residuals deviance"):
        found.residuals("deviance")
    beyond = found.predict({"x1": [0], "x2": [1]}, [1e6], stratum="0")
    assert beyond["survival"].isna().all()
    tied = fit(pd.DataFrame({"time": [1, 1, 1], "event": [1, 1, 1], "x1": [1, 2, 4], "x2": [0, 1, 1]}))
    with pytest.raises(MethodError, match="no two rows can be ordered"):
        _ = tied.concordance
