"""Case series whose events can end observation."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import rosen
from scipy.stats import gamma, weibull_min

from sundbench.errors import MethodError
from sundbench.methods import self_controlled
from sundbench.methods.self_controlled.descent import descend
from sundbench.methods.self_controlled.observation_end import EndModel, Observed


def drawn(seed=1, size=1500, ratio=3.0):
    """Persons of whom most die within weeks of an event that comes more often in 60 days of a medicine."""
    random = np.random.default_rng(seed)
    start = random.integers(18_000, 20_000, size)
    end = start + 500
    taken = start + random.integers(0, 440, size)
    extra = 60 * (ratio - 1)
    day = np.where(
        random.random(size) < extra / (extra + 501),
        taken + random.integers(0, 60, size),
        start + random.integers(0, 501, size),
    )
    dies = random.random(size) < 0.7
    last = np.where(dies, np.minimum(day + np.ceil(random.exponential(40, size)), end), end).astype(int)
    people = np.arange(size)
    cases = pd.DataFrame({"person": people, "start": start, "end": last, "event_day": day})
    cases["censored"] = (last < end).astype(int)
    given = pd.DataFrame({"person": people, "name": "drug", "start": taken, "end": taken + 59})
    return cases, given[taken <= last]  # nobody is given a medicine after death


def test_the_planted_ratio_is_found_and_the_standard_model_misses_it():
    cases, exposures = drawn()
    fit = self_controlled.sccs_event_dependent_observation(cases, exposures, risk_windows=[(0, 59)])
    low, high = fit.table.loc["drug1", ["lower", "upper"]]
    assert low < 3 < high
    naive = self_controlled.sccs(cases, exposures, risk_windows=[(0, 59)]).table.loc["drug1"]
    assert not naive["lower"] < 3 < naive["upper"]
    assert fit.models["chosen"].sum() == 1
    assert (fit.models["aic"] == 8 - 2 * fit.models["loglik"]).all()


@pytest.mark.parametrize("name", ["EWA", "EWI", "EGA", "EGI"])
def test_weights_are_the_integral_of_the_density_of_the_end(name):
    parameters = np.array([-2.5, 1.2 if name.endswith("I") else 4.3, -0.8, 0.4])
    cases = Observed(np.array([60.0, 61.0]), np.array([61.5, 62.5]), np.array([True, False]))
    found = EndModel(name, parameters, 0.0).weights(
        cases, np.array([0, 0, 1]), np.array([59.0, 60.5, 62.0]), np.array([60.5, 61.5, 62.5])
    )
    soon, scale, share, shape = (
        np.exp(-parameters[0]),
        np.exp(parameters[1]),
        1 / (1 + np.exp(0.8)),
        np.exp(0.4),
    )
    other = weibull_min(shape, scale=scale) if "W" in name else gamma(shape, scale=scale / shape)

    def density(event, end, censored):
        since = 0 if name.endswith("I") else event
        later = end - event if name.endswith("I") else end
        lasting = (other.pdf(later) if censored else other.sf(later)) / other.sf(since)
        early = (soon if censored else 1) * np.exp(-soon * (end - event))
        return share * early + (1 - share) * lasting

    expected = [
        quad(density, 59, 60.5, args=(61.5, True))[0],
        quad(density, 60.5, 61.5, args=(61.5, True))[0],
        quad(density, 62, 62.5, args=(62.5, False))[0],
    ]
    assert found == pytest.approx(expected, rel=1e-7)


def test_the_descent_ends_in_a_minimum():
    assert descend(rosen, np.array([-1.2, 1.0])) == pytest.approx([1, 1], abs=1e-3)
    # R: nlm(function(x) sum(100*(x[2]-x[1]^2)^2 + (1-x[1])^2), c(-1.2, 1))$estimate is 0.999998, 0.999996

    def cut(x):
        return np.inf if x[0] <= 0 else x[0] - np.log(x[0])

    assert descend(cut, np.array([20.0])) == pytest.approx([1], abs=1e-3)


def twice(cases):
    return pd.concat([cases, cases.head(3).assign(event_day=cases["start"])])


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (lambda c: c.assign(censored=0), {}, "none of .* ended early"),
        (lambda c: c.assign(censored=1), {}, "all of .* ended early"),
        (lambda c: c.assign(censored=2), {}, "censored: values other than 0 and 1"),
        (lambda c: c.drop(columns="censored"), {}, "no column censored"),
        (twice, {}, "3 events are not their person's only one"),
        (lambda c: pd.concat([c, c.head(2).assign(censored=1 - c["censored"])]), {}, "rows of 2 persons"),
        (lambda c: c, {"initial": [1, 2]}, "one number, or four"),
        (lambda c: c, {"initial": np.nan}, "one number, or four"),
        (lambda c: c, {"initial": 1e6}, "could be fitted"),
        (lambda c: c, {"age_breaks": "semiparametric"}, "keeps event ages alone"),
        (
            lambda c: c.assign(**{n: pd.Timestamp(0) + pd.to_timedelta(c[n], "D")
                                  for n in ("start", "end", "event_day")}),
            {"dated": True},
            "ages aren't known: give birth",
        ),
    ],
)  # fmt: skip
def test_what_data_do_not_allow_is_refused(change, options, says):
    cases, exposures = drawn(size=100)
    options = dict(options)
    if options.pop("dated", False):
        for name in ("start", "end"):
            exposures[name] = pd.Timestamp(0) + pd.to_timedelta(exposures[name], "D")
    with pytest.raises(MethodError, match=says) as refused:
        self_controlled.sccs_event_dependent_observation(
            change(cases), exposures, risk_windows=[(0, 59)], **options
        )
    assert "\n" not in str(refused.value)
