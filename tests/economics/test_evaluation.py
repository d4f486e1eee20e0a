"""The person-level evaluation, on simulated persons whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from sundbench import economics
from sundbench.economics import censored, discount
from sundbench.errors import MethodError
from sundbench.methods import propensity, survival

COVARIATES = ["age", "frail"]
HORIZON = 3.0


def simulate(n, seed):
    """Old and frail persons get the new drug less often, and die sooner; the new drug halves the hazard."""
    draw = np.random.default_rng(seed)
    age, frail = draw.normal(0, 1, n), draw.random(n) < 0.4
    new = draw.random(n) < 1 / (1 + np.exp(0.7 * age + 0.9 * frail - 0.3))
    hazard = np.exp(0.4 * age + 0.8 * frail) / 500
    death = np.ceil(draw.exponential(1 / (hazard * np.where(new, 0.5, 1))))
    loss = draw.integers(300, 2200, n)
    time = np.minimum(death, loss)
    persons = pd.DataFrame(
        {
            "person": np.arange(n) + 5,
            "new": new,
            "age": age,
            "frail": frail,
            "time": time,
            "event": death <= loss,
        }
    )
    parts = []
    for month in range(37):
        here = persons[time >= 30 * month]
        for component, cost in (("care", 4000.0), ("drug", np.where(here["new"], 9000.0, 500.0))):
            part = {"component": component, "start": 30 * month, "stop": 30 * month, "cost": cost}
            parts.append(here[["person"]].assign(**part))
    return persons, pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def truth():
    """Differences if everybody got either drug, by integrating over two million lives."""
    draw = np.random.default_rng(0)
    n = 500_000
    age, frail = draw.normal(0, 1, n), draw.random(n) < 0.4
    hazard = np.exp(0.4 * age + 0.8 * frail) / 500
    days = 30 * np.arange(37)
    years, cost = [], []
    for effect, each in ((1.0, 4500.0), (0.5, 13000.0)):
        death = np.ceil(draw.exponential(1 / (hazard * effect)))
        years.append(discount.life_years(np.minimum(death, HORIZON * 365.25) / 365.25).mean())
        alive = np.array([(death >= day).mean() for day in days])
        cost.append((alive * each * discount.factor(days / 365.25)).sum())
    return cost[1] - cost[0], years[1] - years[0]


def run(persons, costs, covariates=COVARIATES, **more):
    options = {
        "treatment": "new",
        "horizon_years": HORIZON,
        "covariates": covariates,
        "replicates": 200,
        "seed": 1,
    }
    return economics.evaluate(persons, costs, **(options | more))


def test_the_estimate_is_what_the_parts_give_one_by_one():
    persons, costs = simulate(400, 1)
    ours = run(persons, costs, replicates=0)
    model = propensity.fit(persons, treatment="new", covariates=COVARIATES)
    weights = propensity.weights(model.score, persons["new"])
    curves = survival.kaplan_meier(
        discount.life_years(persons["time"] / 365.25), persons["event"], group=persons["new"], weights=weights
    )
    years = curves.rmst(float(discount.life_years(HORIZON)))["rmst"].to_numpy()
    assert ours.life_years == pytest.approx(years, rel=1e-10)
    plain = run(persons, costs, replicates=0, rates=discount.UNDISCOUNTED)
    for arm in (0, 1):
        own = persons["new"] == arm
        those = costs[costs["person"].isin(persons.loc[own, "person"])]
        mean = censored.partitioned_mean(
            persons[own], those, horizon=HORIZON * 365.25, interval=30, weights=weights[own]
        )
        assert plain.costs[arm].sum() == pytest.approx(mean, rel=1e-10)
    assert ours.costs.sum() < plain.costs.sum()


def test_truth_lies_in_the_interval_and_not_in_the_naive_one(truth):
    hits, naive_hits, seeds = np.zeros(2), np.zeros(2), range(12)
    for seed in seeds:
        persons, costs = simulate(800, seed + 100)
        for covariates, count in ((COVARIATES, hits), ((), naive_hits)):
            table = run(persons, costs, covariates).table.set_index(["quantity", "arm"])
            for k, (quantity, value) in enumerate(zip(("total cost", "life-years"), truth, strict=True)):
                row = table.loc[(quantity, "difference")]
                count[k] += row["lower"] <= value <= row["upper"]
    # Nominally 95 % of the seeds; 12 hits happen in 54 % of such dozens, fewer than 9 in 1 of 500.
    assert (hits >= 9).all()
    assert (naive_hits <= 3).all()


def test_workers_change_nothing():
    persons, costs = simulate(200, 2)
    one, other = (run(persons, costs, replicates=60, workers=workers) for workers in (1, 4))
    np.testing.assert_array_equal(one.cost_draws, other.cost_draws)
    np.testing.assert_array_equal(one.life_year_draws, other.life_year_draws)
    longer = run(persons, costs, replicates=75)
    np.testing.assert_array_equal(longer.cost_draws[:50], one.cost_draws[:50])


def test_order_of_rows_changes_nothing_that_matters():
    persons, costs = simulate(200, 3)
    one = run(persons, costs, replicates=0)
    other = run(persons.sample(frac=1, random_state=1), costs.sample(frac=1, random_state=1), replicates=0)
    np.testing.assert_allclose(other.costs, one.costs, rtol=1e-10)


def test_the_table_holds_every_component_in_each_arm():
    persons, costs = simulate(200, 4)
    result = run(persons, costs, arms=("old", "new"), replicates=50)
    table = result.table
    assert table["quantity"].unique().tolist() == [
        "care", "drug", "total cost", "life-years", "cost per life-year",
    ]  # fmt: skip
    assert set(table["arm"]) == {"old", "new", "difference"}
    by = table.set_index(["quantity", "arm"])["estimate"]
    assert by["care", "new"] + by["drug", "new"] == pytest.approx(by["total cost", "new"])
    assert by["cost per life-year", "difference"] == pytest.approx(
        by["total cost", "difference"] / by["life-years", "difference"]
    )
    assert result.arms["persons"].sum() == 200
    benefit = result.net_benefit([0, 1_000_000])
    assert benefit["net_benefit"][0] == pytest.approx(-result.cost_difference)


def test_contributions_add_up_to_the_means():
    persons, costs = simulate(200, 6)
    result = run(persons, costs, replicates=0)
    for arm in (0, 1):
        np.testing.assert_allclose(result.contributions[arm].mean(axis=0), result.costs[arm], rtol=1e-10)
    table = result.magnitudes()
    assert (table["largest"] >= table["second"]).all()
    assert (table["largest"] >= table["mean_cost"]).all()
    assert table.loc[table["component"] == "total cost", "mean_cost"].tolist() == pytest.approx(
        result.costs.sum(axis=1).tolist()
    )


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda d: d.assign(new=1), {}, "nobody is untreated"),
        (lambda d: d.assign(event=d["event"] & ~d["new"]), {}, "nobody of the treated dies"),
        (lambda d: d.assign(time=-d["time"]), {}, "values are negative"),
        (lambda d: d.assign(frail=d["new"]), {}, "separate"),
        (lambda d: d.assign(age=np.nan), {}, "column age: 200 of 200 values are missing"),
        (lambda d: d.assign(person=1), {}, "rows repeat a person"),
        (lambda d: d, {"horizon_years": 30.0}, "lies beyond the last follow-up"),
        (lambda d: d, {"horizon_years": 0.0}, "greater than 0"),
    ],
)
def test_refuses(change, options, message):
    persons, costs = simulate(200, 5)
    with pytest.raises(MethodError, match=message):
        run(change(persons), costs, **options)
