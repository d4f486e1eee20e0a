"""Mean costs under censoring."""

import numpy as np
import pandas as pd
import pytest

from sundbench.economics import censored
from sundbench.errors import MethodError


def people(time, event):
    return pd.DataFrame({"person": range(len(time)), "time": time, "event": event})


def spent(*rows):
    return pd.DataFrame(rows, columns=["person", "start", "stop", "cost"])


def test_without_censoring_all_estimators_are_the_mean():
    persons, costs = people([5, 9], [1, 1]), spent((0, 0, 0, 10), (1, 0, 8, 30))
    table = censored.mean_cost(persons, costs, horizon=9).table
    assert table["estimate"].tolist() == pytest.approx([20.0] * 4)


def test_costs_that_cross_the_horizon_are_shared_out_by_days():
    persons, costs = people([9, 9], [1, 1]), spent((0, 0, 9, 100), (1, 6, 6, 100))
    # Days 0 to 4 of ten, and nothing of what begins after day 4.
    assert censored.partitioned_mean(persons, costs, horizon=4) == pytest.approx(25)


def test_intervals_use_what_the_censored_completed():
    persons = people([10, 10, 4, 10], [1, 1, 0, 1])
    costs = spent(*((i, 1, 1, 100) for i in range(4)), *((i, 8, 8, 40) for i in (0, 1, 3)))
    assert censored.partitioned_mean(persons, costs, horizon=10, interval=3) == pytest.approx(140)
    assert censored.partitioned_mean(persons, costs, horizon=10) == pytest.approx(140)
    dearer = spent(*((i, 1, 1, 400 if i == 2 else 100) for i in range(4)))
    # The censored person completed the first interval: its cost counts there, and not in one interval.
    assert censored.partitioned_mean(persons, dearer, horizon=10, interval=3) == pytest.approx(175)
    assert censored.partitioned_mean(persons, dearer, horizon=10) == pytest.approx(100)


def test_weights_are_repeated_persons():
    draw = np.random.default_rng(1)
    time, event = draw.integers(1, 20, 40), draw.random(40) < 0.7
    costs = spent(*((i, 0, t, 10.0 + i) for i, t in enumerate(time)))
    weight = draw.integers(1, 4, 40)
    twin = np.repeat(np.arange(40), weight)
    repeated = people(time[twin], event[twin])
    copies = spent(*((k, 0, time[i], 10.0 + i) for k, i in enumerate(twin)))
    ours = censored.partitioned_mean(people(time, event), costs, horizon=15, interval=4, weights=weight)
    assert ours == pytest.approx(
        censored.partitioned_mean(repeated, copies, horizon=15, interval=4), rel=1e-12
    )


def test_estimators_find_the_mean_that_censoring_hides():
    draw = np.random.default_rng(2)
    n = 4000
    death, loss = np.ceil(draw.exponential(300, n)), draw.integers(50, 900, n)
    time, event = np.minimum(death, loss), death <= loss
    costs = pd.DataFrame({"person": range(n), "start": 0, "stop": time, "cost": 10 * (time + 1)})
    truth = 10 * (np.minimum(death, 365) + 1).mean()
    table = censored.mean_cost(people(time, event), costs, horizon=365).table
    assert table.loc["available", "upper"] < truth
    for name in ("bang_tsiatis", "zhao_tian"):
        assert abs(table.loc[name, "estimate"] - truth) < 3 * table.loc[name, "se"]
    monthly = censored.partitioned_mean(people(time, event), costs, horizon=365, interval=30)
    assert monthly == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize(
    ("persons", "costs", "message"),
    [
        (people([5, -1], [1, 1]), spent((0, 0, 0, 1)), "time: 1 of 2 values are negative"),
        (people([5, 6], [1, 2]), spent((0, 0, 0, 1)), "event: values other than 0 and 1"),
        (people([5, 6], [0, 0]), spent((0, 0, 0, 1)), "everybody is censored before the horizon"),
        (people([5, 6], [1, 1]), spent((7, 0, 0, 1)), "belong to persons who are not in the study"),
        (people([5, 6], [1, 1]), spent((0, 3, 2, 1)), "start before time 0 or after they stop"),
        (people([5, 6], [1, 1]), spent((0, 0, 0, np.nan)), "column cost: 1 of 1 values are missing"),
        (pd.concat([people([5], [1])] * 2), spent((0, 0, 0, 1)), "1 of 2 rows repeat a person"),
    ],
)
def test_refuses(persons, costs, message):
    with pytest.raises(MethodError, match=message):
        censored.mean_cost(persons, costs, horizon=9)
