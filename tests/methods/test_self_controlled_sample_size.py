"""How many events a case series needs, against R's SCCS and against the power that they give."""

import numpy as np
import pytest

from sundbench.errors import MethodError
from sundbench.methods import self_controlled

YEAR = {"risk_days": 21, "start": 366, "end": 730}
AGES = {"age_breaks": [457, 548, 639], "age_ratios": [1.2, 1.6, 2.0]}


# R SCCS 1.7: samplesize(eexpo, risk, astart=366, aend=730, p=, alpha=, power=, eage=, agegrp=)
@pytest.mark.parametrize(
    ("ratio", "options", "events"),
    [
        (2.5, {}, 110),
        (2.5, {"exposed": 0.75}, 143),
        (2.5, AGES | {"exposed": [0.5, 0.35, 0.1, 0.05]}, 132),
        (2.5, AGES | {"exposed": [0.375, 0.2625, 0.075, 0.0375]}, 172),
        (1.5, {"risk_days": 42, "alpha": 0.01, "power": 0.9}, 750),
        (0.5, {"risk_days": 60, "exposed": 0.3, "power": 0.9}, 731),
        (10, {"risk_days": 7, "exposed": 0.1}, 186),
    ],
)
def test_as_r(ratio, options, events):
    assert self_controlled.sccs_sample_size(ratio, **YEAR | options).events == events


def test_the_events_have_the_power():
    planned = self_controlled.sccs_sample_size(2.5, **YEAR)
    share = 21 * 2.5 / (21 * 2.5 + 344)
    assert planned.table["in_risk_window"].to_list() == [pytest.approx(share)]
    seen = np.random.default_rng(1).binomial(planned.events, share, 20_000)
    p, null = seen / planned.events, 21 / 365
    with np.errstate(divide="ignore"):
        statistic = 2 * (seen * np.log(p / null) + (planned.events - seen) * np.log((1 - p) / (1 - null)))
    assert np.mean(statistic > 1.96**2) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("ratio", "options", "says"),
    [
        (1, {}, "other than 1"),
        (2, {"alpha": 5}, "alpha"),
        (2, {"risk_days": 400}, "shortest age group has 365 days"),
        (2, {"risk_days": 91} | AGES | {"exposed": [0.25] * 4}, "shortest age group has 91 days"),
        (2, AGES, "1 shares for 4 age groups"),
        (2, {"age_breaks": [400]}, "give both"),
        (2, {"age_breaks": [900], "age_ratios": [2], "exposed": [0.5, 0.5]}, "between start and end"),
        (2, {"age_breaks": [400], "age_ratios": [-2], "exposed": [0.5, 0.5]}, "above 0"),
        (2, {"exposed": 1.5}, "no more than 1"),
        (2, {"end": 300}, "end"),
    ],
)
def test_what_cannot_be_planned_is_refused(ratio, options, says):
    with pytest.raises(MethodError, match=says):
        self_controlled.sccs_sample_size(ratio, **YEAR | options)
