"""Cumulative incidence, Gray's test and Fine-Gray: what they say, which laws they keep, what they refuse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import survival

ROWS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), st.integers(1, 3)), min_size=2, max_size=40)


def draw(seed=1, size=150) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=size)
    times = np.ceil([10 * random.exponential(np.exp(-0.6 * x)), 15 * random.exponential(size=size)])
    censored = np.ceil(random.uniform(2, 25, size))
    time = np.minimum(times.min(axis=0), censored)
    cause = np.where(time == times[0], 1, np.where(time == times[1], 2, 0))
    columns = {"time": time, "cause": cause, "x": x, "z": random.integers(0, 2, size)}
    return pd.DataFrame(columns).assign(site=random.integers(0, 30, size))


def test_incidence_by_hand():
    table = survival.aalen_johansen([1, 2, 3, 4], [1, 2, 0, 1]).table
    assert list(table.columns[:5]) == ["group", "cause", "time", "at_risk", "events"]
    assert list(table.columns[5:]) == ["censored", "survival", "incidence", "se", "lower", "upper"]
    first, second = (table.loc[table["cause"] == k, "incidence"].tolist() for k in (1, 2))
    assert first == pytest.approx([0.25, 0.25, 0.25, 0.75])
    assert second == pytest.approx([0, 0.25, 0.25, 0.25])


@settings(deadline=None)
@given(ROWS.filter(lambda rows: any(cause for _, cause, _ in rows)))
def test_incidences_and_survival_add_up(rows):
    time, cause, weight = map(np.array, zip(*rows, strict=True))
    table = survival.aalen_johansen(time, cause, weights=weight + 0.25).table
    whole = table.groupby("time").agg({"incidence": "sum", "survival": "first"}).sum(axis=1)
    np.testing.assert_allclose(whole, 1)
    assert ((table["lower"] <= table["incidence"]) & (table["incidence"] <= table["upper"])).all()


@settings(deadline=None)
@given(ROWS.filter(lambda rows: any(cause == 1 for _, cause, _ in rows)))
def test_without_competition_it_is_one_less_survival(rows):
    time, cause, weight = map(np.array, zip(*rows, strict=True))
    ours = survival.aalen_johansen(time, cause == 1, weights=weight + 0.25).table
    theirs = survival.kaplan_meier(time, cause == 1, weights=weight + 0.25).table
    np.testing.assert_allclose(ours["incidence"], 1 - theirs["survival"], atol=1e-12)
    alive = theirs["survival"] > 1e-12
    np.testing.assert_allclose(ours["se"][alive], theirs["se"][alive], atol=1e-8)


@pytest.mark.parametrize("late", [False, True])
def test_the_jackknife_is_the_sum_of_squared_derivatives(late):
    random = np.random.default_rng(4)
    time, cause, weight = random.integers(5, 40, 60), random.integers(0, 3, 60), random.uniform(0.5, 2, 60)
    entry = random.uniform(0, 30, 60) if late else None
    if late:
        entry = np.where(entry < time, entry, 0)

    def values(w):
        return survival.aalen_johansen(time, cause, weights=w, entry=entry).at([12, 20, 35])

    steps = 1e-5 * np.diag(weight)
    derivative = [
        (values(weight + s)["incidence"] - values(weight - s)["incidence"]).to_numpy() / 2e-5 for s in steps
    ]
    wanted = np.sqrt(np.sum(np.square(derivative), axis=0))
    np.testing.assert_allclose(values(weight)["se"], wanted, rtol=1e-5)


@pytest.mark.parametrize("conf_type", ["plain", "log", "log-log"])
def test_limits_hold_the_estimate(conf_type):
    data = draw()
    at = survival.aalen_johansen(data["time"], data["cause"], group=data["z"], conf_type=conf_type).at(
        [5, 10]
    )
    assert ((at["lower"] < at["incidence"]) & (at["incidence"] < at["upper"])).all()


def test_beyond_the_last_follow_up_is_not_guessed():
    fitted = survival.aalen_johansen([1, 2, 3], [1, 2, 0])
    assert fitted.at([4])["incidence"].isna().all()
    assert survival.aalen_johansen([1, 2], [1, 2]).at([4])["incidence"].tolist() == [0.5, 0.5]


def test_without_competition_gray_is_near_the_log_rank_test():
    data = draw(2, 400)
    alone = (data["cause"] == 1).astype(int)
    gray = survival.gray_test(data["time"], alone, data["z"])
    assert gray.statistic == pytest.approx(
        survival.log_rank(data["time"], alone, data["z"]).statistic, rel=0.03
    )
    assert gray.table["observed"].sum() == pytest.approx(gray.table["expected"].sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_groups_have_no_order(seed):
    data = draw(seed)
    named = data["site"] % 3
    one = survival.gray_test(data["time"], data["cause"], named)
    other = survival.gray_test(data["time"], data["cause"], 2 - named)
    assert one.statistic == pytest.approx(other.statistic)
    first = survival.log_rank(data["time"], data["cause"] == 1, named, strata=data["z"])
    second = survival.log_rank(data["time"], data["cause"] == 1, 2 - named, strata=data["z"])
    assert first.statistic == pytest.approx(second.statistic)


def test_log_rank_with_late_entry_is_the_score_test():
    # Without ties the log-rank test is the score test of Cox's model.
    random = np.random.default_rng(3)
    end = random.permutation(np.arange(1.0, 101.0))
    data = pd.DataFrame({"t": end, "e": random.integers(0, 2, 100), "g": random.integers(0, 2, 100)})
    data["start"] = end * random.uniform(0, 0.9, 100)
    test = survival.log_rank(data["t"], data["e"], data["g"], entry=data["start"])
    model = survival.cox(data, time="t", event="e", covariates=["g"], entry="start")
    assert test.statistic == pytest.approx(model.tests.loc["score", "statistic"])


def model(data, **keywords):
    return survival.fine_gray(data, time="time", cause="cause", **{"covariates": ["x", "z"], **keywords})


def test_without_competition_it_is_coxs_model():
    data = draw().assign(cause=lambda d: (d["cause"] == 1).astype(int))
    cox = survival.cox(data, time="time", event="cause", covariates=["x", "z"], ties="breslow", robust=True)
    np.testing.assert_allclose(model(data).table[["coef", "se"]], cox.table[["coef", "se"]])


def test_without_censoring_competitors_stay_at_risk_for_good():
    data = draw().assign(cause=lambda d: d["cause"].replace(0, 2))
    stayed = data.assign(time=data["time"].where(data["cause"] == 1, 1000.0))
    cox = survival.cox(
        stayed.assign(event=stayed["cause"] == 1),
        time="time",
        event="event",
        covariates=["x", "z"],
        ties="breslow",
    )
    np.testing.assert_allclose(model(data).table["coef"], cox.table["coef"])


@pytest.mark.parametrize("convention", ["crr", "finegray"])
def test_the_order_of_rows_changes_nothing(convention):
    data = draw()
    mixed = data.sample(frac=1, random_state=1)
    keywords = {"convention": convention, "cluster": "site"}
    pd.testing.assert_frame_equal(model(data, **keywords).table, model(mixed, **keywords).table)


def test_clusters_of_one_are_persons():
    data = draw().assign(person=range(150))
    pd.testing.assert_frame_equal(model(data).table, model(data, cluster="person").table)
    twice = pd.concat((data, data))
    doubled = model(twice, cluster="person").table["se"] / model(data).table["se"]
    np.testing.assert_allclose(doubled, 1, rtol=1e-9)


def test_the_censoring_curve_counts_in_the_variance():
    """A person's influence is the derivative with respect to the person's weight: here, repetition."""
    data = draw(5, 60)
    influence = []
    for row in data.index:
        more = pd.concat((data.loc[data.index.repeat(50)], data.loc[[row]]))
        influence.append((model(more).coef - model(data).coef) * 50)
    jackknife = np.sqrt(np.sum(np.square(influence), axis=0))
    np.testing.assert_allclose(model(data).table["se"], jackknife, rtol=0.02)


def test_prediction_is_the_baseline_with_a_factor():
    fitted = model(draw())
    base = fitted.baseline()
    at = fitted.predict({"x": [0.0], "z": [0]}, base["time"])
    np.testing.assert_allclose(at["incidence"], base["incidence"])
    assert fitted.predict({"x": [0.0], "z": [0]}, [1e6])["incidence"].isna().all()


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({"cause": 0}, {}, "cause 1 never happens"),
        ({"cause": -1}, {}, "cause: values other than 0, 1, 2"),
        ({"cause": 0.5}, {}, "cause: values other than 0, 1, 2"),
        ({"time": -1}, {}, "time: 150 of 150 values are negative"),
        ({"x": 3}, {}, "covariate x has the same value for everybody"),
        ({"x": np.nan}, {}, "column x: 150 of 150 values are missing"),
        ({}, {"of_interest": 7}, "cause 7 never happens"),
        ({}, {"convention": "stata"}, "convention stata is unknown"),
        ({}, {"covariates": []}, "covariates: give a list"),
    ],
)
def test_fine_gray_refuses(change, keywords, message):
    with pytest.raises(MethodError, match=message):
        model(draw().assign(**change), **keywords)


def test_fine_gray_tells_infinite_coefficients():
    data = draw().assign(x=lambda d: (d["cause"] == 1).astype(int))
    with pytest.raises(MethodError, match="the coefficients of x are infinite"):
        model(data)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: survival.aalen_johansen([1, 2], [0, 0]), "cause: no events"),
        (lambda: survival.aalen_johansen([1, 2], [0, 1], variance="delta"), "variance delta is unknown"),
        (
            lambda: survival.aalen_johansen([1, 2], [0, 1], variance="aalen", weights=[1, 1]),
            "variance aalen knows neither weights nor entry",
        ),
        (lambda: survival.aalen_johansen([1, 2], [0, 1], entry=[0, 3]), "1 of 2 persons enter at or after"),
        (lambda: survival.gray_test([1, 2], [1, 1], ["a", "a"]), "group has one label"),
        (lambda: survival.gray_test([1, 2], [2, 2], ["a", "b"]), "cause 1 never happens"),
        (lambda: survival.gray_test([1, 2], [1, 1], ["a", "b"], of_interest=3), "cause 3 never happens"),
        (lambda: survival.log_rank([1, 2], [1, 1], ["a", "a"]), "group has one label"),
        (lambda: survival.log_rank([1, 2], [0, 0], ["a", "b"]), "event: no events"),
        (lambda: survival.log_rank([1, 9], [1, 0], ["a", "b"], entry=[0, 5]), "at no event are two groups"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(MethodError, match=message):
        call()
