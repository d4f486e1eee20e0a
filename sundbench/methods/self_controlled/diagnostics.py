"""Do the data bear out what a case series supposes? Four diagnostics of OHDSI's SelfControlledCaseSeries.

Written by hand: no Python library has them. Thresholds and the mixture for stability over time are that
package's (version 6); its rates are smoothed by splines, ours are those of the model that is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2, norm, poisson

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, column_names, frame, indicator
from sundbench.methods.self_controlled.cases import Cases, read_cases
from sundbench.methods.self_controlled.conditional_poisson import ConditionalPoisson
from sundbench.methods.self_controlled.days import not_negative_days, whole_days
from sundbench.methods.self_controlled.design import Design, design
from sundbench.methods.self_controlled.exposures import Exposures, read_exposures
from sundbench.methods.self_controlled.fitting import Fit, fit
from sundbench.methods.self_controlled.windows import Washout, Windows, by_exposure, windows_of
from sundbench.methods.survival.follow_up import check_level

PRE_EXPOSURE = (0.8, 1.25)
"""Rate ratios before exposure that an interval must reach."""
END = (0.5, 2.0)
"""Rate ratios at the end of observation that an interval must reach."""
STABLE = 1.1
"""The mean ratio of observed to expected events a month that is still stable."""
RARE = 0.1
"""The share of persons with the event up to which it is rare: bias is half of it at most."""
_PROBE = "end of observation"
_FAR = 20.0


@dataclass(frozen=True)
class SccsDiagnostics:
    """What four diagnostics say.

    Attributes:
        table: by diagnostic: value (a rate ratio; of stability over time the mean ratio of observed to
            expected events; of rarity the share of persons), its limits lower and upper, p_value, what is
            tolerated (from, to), passed (yes, no or not evaluated), and the reason.
        months: by calendar month: observed and expected events; empty where the calendar isn't known.
    """

    table: pd.DataFrame
    months: pd.DataFrame

    @cached_property
    def passed(self) -> bool:
        """Whether none fails."""
        return bool((self.table["passed"] != "no").all())


@kinds_checked
def sccs_diagnostics(
    cases: Frame,
    exposures: Frame,
    *,
    birth: str | ArrayLike | None = None,
    risk_windows: Windows | Mapping[str, Windows],
    age_breaks: Sequence[int] | None = None,
    season: bool | Sequence[int] = False,
    washout: Washout | Mapping[str, Washout] | None = None,
    pre_exposure_days: int = 30,
    end_days: int = 30,
    prevalence: float | None = None,
    conf_level: float = 0.95,
) -> SccsDiagnostics:
    """Check what a case series supposes, in the model of ``sccs`` with two probes.

    Events mustn't change exposure: the days before it hold no more or fewer events than others. They mustn't
    change the end of observation: neither do the days before that. Rates are stable over calendar time, as
    far as the model doesn't adjust for it. And where each person's first event counts, events are rare.

    Args:
        cases: as in ``sccs``; with a column censored (1 or 0) the end is probed where observation ended
            early.
        exposures: as in ``sccs``.
        birth: as in ``sccs``.
        risk_windows: as in ``sccs``. Windows that begin before exposure are the probe, if there are some.
        age_breaks: as in ``sccs``.
        season: as in ``sccs``.
        washout: as in ``sccs``.
        pre_exposure_days: how many days before exposure are probed.
        end_days: how many of the last days of observation are.
        prevalence: the share of the population that has the event, if known.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as ``sccs``.
    """
    check_level(conf_level)
    if isinstance(age_breaks, str):
        raise MethodError("age_breaks: give days of age: semiparametric age keeps event ages alone")
    before = not_negative_days(pre_exposure_days, "pre_exposure_days", least=1)
    last = not_negative_days(end_days, "end_days", least=1)
    if prevalence is not None and not 0 <= prevalence <= 1:
        raise MethodError(f"prevalence {prevalence}: give a share of persons, from 0 to 1")
    people = read_cases(cases, birth)
    taken = read_exposures(exposures, people.people, dated=people.dated)
    rows, names = _probed(taken, people, _ended_early(cases, people), last), sorted(set(taken.name))
    given, after = by_exposure(risk_windows, names, "risk_windows"), by_exposure(washout, names, "washout")
    pairs = {name: windows_of(given[name], name) for name in names}
    probes = []
    for name, own in pairs.items():
        early = [f"{name}{i}" for i, (begin, _) in enumerate(own, start=1) if begin < 0]
        if not early:
            own.insert(0, (-before, -1))
            early = [f"{name}1"]
        probes += early
    made = design(
        people,
        rows,
        risk_windows={**pairs, _PROBE: [(0, last - 1)]},
        age_breaks=age_breaks,
        season=season,
        washout={name: value for name, value in after.items() if value is not None},  # type: ignore[misc]
        common_effect=True,
    )
    found = fit(made.stratum, made.rows.days, made.events, made.factors)
    days, events = (values.astype(np.float64) for values in (made.rows.days, made.events))
    model = ConditionalPoisson(made.stratum, days, events, made.factors)
    results = [
        {"diagnostic": f"before exposure: {term}", **_ratio(model, found, term, PRE_EXPOSURE, conf_level)}
        for term in probes
    ]
    end = {"diagnostic": _PROBE, **_ratio(model, found, f"{_PROBE}1", END, conf_level)}
    months = _months(made, model, found)
    over_time = {"diagnostic": "stable over time", **stability(months)}
    rarity = {"diagnostic": "rare event", **_rarity(people, prevalence)}
    table = pd.DataFrame([*results, end, over_time, rarity]).set_index("diagnostic")
    columns = ["value", "lower", "upper", "p_value", "from", "to", "passed", "reason"]
    return SccsDiagnostics(table.reindex(columns=columns), months)


def _probed(given: Exposures, people: Cases, ended: Bools, last: int) -> pd.DataFrame:
    """Exposures, and the last days of observation as one more."""
    begin = np.maximum(people.end - last + 1, people.start)[ended]
    place = np.concatenate((given.of, people.person[ended]))
    columns: dict[str, np.ndarray | pd.Index] = {
        "person": people.people[place],
        "name": np.concatenate((given.name, np.full(begin.size, _PROBE, dtype=object))),
        "start": np.concatenate((given.start, begin)),
    }
    if given.ended:
        columns["end"] = np.concatenate((given.end, people.end[ended]))
    if people.dated:
        columns |= {
            name: columns[name].astype("datetime64[D]") for name in ("start", "end") if name in columns
        }
    return pd.DataFrame(columns)


def _ended_early(cases: Frame, people: Cases) -> Bools:
    """Observation periods whose end is probed: all, or those that the cases say ended early."""
    if "censored" not in column_names(cases):
        return np.ones(people.start.size, dtype=bool)
    chosen = frame(cases, ["person", "start", "censored"])
    early = indicator(chosen["censored"], "cases: censored", "observation that ended early as 1, else as 0")
    if not early.any():
        raise MethodError("cases: censored: no observation ended early: leave the column out")
    person = people.people.get_indexer(pd.Index(chosen["person"]))
    said = pd.MultiIndex.from_arrays([person, whole_days(chosen["start"], "cases: start")[0]])
    return pd.MultiIndex.from_arrays([people.person, people.start]).isin(said[early])


def _ratio(
    model: ConditionalPoisson, found: Fit, term: str, bounds: tuple[float, float], conf_level: float
) -> dict[str, object]:
    """A probe's rate ratio; it passes if its interval reaches the bounds."""
    tolerated = {"from": bounds[0], "to": bounds[1]}
    if term not in found.terms:
        return {**tolerated, "passed": "not evaluated", "reason": "nobody is observed on these days"}
    place = found.terms.index(term)
    coef, p_value = found.coef[place], np.nan
    if np.isinf(coef):
        limit = _one_limit(model, found, place, (1 - conf_level) / 2)
        low, high = (0.0, limit) if coef < 0 else (limit, np.inf)
    else:
        se = float(np.sqrt(found.variance[place, place]))
        reach = float(norm.ppf((1 + conf_level) / 2)) * se
        low, high = float(np.exp(coef - reach)), float(np.exp(coef + reach))
        p_value = float(2 * norm.sf(abs(coef / se)))
    passed = low <= bounds[1] and high >= bounds[0]
    return {
        **tolerated,
        "value": float(np.exp(coef)),
        "lower": low,
        "upper": high,
        "p_value": p_value,
        "passed": "yes" if passed else "no",
        "reason": "the interval reaches what is tolerated" if passed else "the interval lies outside",
    }


def _one_limit(model: ConditionalPoisson, found: Fit, place: int, tail: float) -> float:
    """The ratio at which it is as unlikely as the tail that no event came on these days, or that all did.

    Other terms stay as they were fitted.
    """
    never = found.coef[place] < 0
    coef = found.coef.copy()
    on = model.design[model.pattern, place]

    def excess(log_ratio: float) -> float:
        coef[place] = log_ratio
        inside = np.bincount(model.period, _shares(model, coef) * on)
        counted = inside > 0
        chance = (1 - inside if never else inside)[counted]
        return float(model.count[counted] @ np.log(np.maximum(chance, 1e-300)) - np.log(tail))

    if excess(-_FAR) * excess(_FAR) > 0:  # other terms are infinite too: nothing limits the ratio
        return np.inf if never else 0.0
    return float(np.exp(brentq(excess, -_FAR, _FAR)))


def _shares(model: ConditionalPoisson, coef: Floats) -> Floats:
    """Each row's share of its period's events, also where coefficients are infinite."""
    return model.at(np.clip(coef, -300, 300))[1]


def _months(made: Design, model: ConditionalPoisson, found: Fit) -> pd.DataFrame:
    """Events by calendar month, observed and expected by the model (evenly over the days of a piece)."""
    to_calendar = made.cases.to_calendar
    if to_calendar is None:
        return pd.DataFrame({"observed": [], "expected": []}, index=pd.Index([], name="month"))
    rows = made.rows
    expected = _shares(model, found.coef) * model.count[model.period]
    first = rows.first + to_calendar[rows.period]
    after = first + rows.days
    low, high = (int(value) for value in (first.min(), after.max()))
    begins = np.arange(
        np.datetime64(low, "D").astype("datetime64[M]"), np.datetime64(high, "D").astype("datetime64[M]") + 2
    )
    starts = begins.astype("datetime64[D]").astype(np.int64)
    head = np.searchsorted(starts, first, "right") - 1
    many = np.searchsorted(starts, after - 1, "right") - head
    piece = np.repeat(np.arange(first.size), many)
    month = np.arange(piece.size) - np.repeat(np.cumsum(many) - many - head, many)
    inside = np.minimum(after[piece], starts[month + 1]) - np.maximum(first[piece], starts[month])
    total = np.bincount(month, expected[piece] * inside / rows.days[piece], starts.size - 1)
    day = made.cases.event + to_calendar[made.cases.period]
    observed = np.bincount(np.searchsorted(starts, day, "right") - 1, minlength=starts.size - 1)
    seen = np.bincount(month, inside, starts.size - 1) > 0
    table = pd.DataFrame(
        {"observed": observed, "expected": total}, index=pd.Index(begins[:-1].astype(str), name="month")
    )
    return table[seen]


def stability(months: pd.DataFrame) -> dict[str, object]:
    """The ratio that months are off by, each up or down, and whether it is above the tolerated one."""
    bounds = {"from": 1.0, "to": STABLE}
    if len(months) < 2:
        why = (
            "the calendar isn't known: give dates, or births as dates" if months.empty else "one month alone"
        )
        return {**bounds, "passed": "not evaluated", "reason": why}
    observed = months["observed"].to_numpy()
    expected = np.maximum(months["expected"].to_numpy(), np.finfo(float).eps)

    def loss(ratio: float) -> float:
        up, down = poisson.logpmf(observed, expected * ratio), poisson.logpmf(observed, expected / ratio)
        return -float(np.logaddexp(up, down).sum())

    grid: Floats = np.exp(np.arange(0, np.log(10), 0.01))
    near = grid[np.argmin([loss(ratio) for ratio in grid])]
    ratio = float(minimize_scalar(loss, bounds=(max(1.0, near / 1.02), near * 1.02), method="bounded").x)
    statistic = 2 * (loss(STABLE) - loss(ratio)) if ratio > STABLE else 0.0
    p_value = float(chi2.sf(statistic, 1))
    passed = p_value > 0.05
    return {
        **bounds,
        "value": ratio,
        "p_value": p_value,
        "passed": "yes" if passed else "no",
        "reason": f"the ratio is {'not ' if passed else ''}surely above what is tolerated",
    }


def _rarity(people: Cases, prevalence: float | None) -> dict[str, object]:
    bounds = {"from": 0.0, "to": RARE}
    if people.event.size > len(people.people):
        return {**bounds, "value": prevalence, "passed": "yes", "reason": "events after the first count too"}
    if prevalence is None:
        reason = "the share of the population with the event isn't known: give prevalence"
        return {**bounds, "passed": "not evaluated", "reason": reason}
    passed = prevalence <= RARE
    reason = f"the bias of counting first events is {50 * prevalence:.2g} % at most"
    return {**bounds, "value": prevalence, "passed": "yes" if passed else "no", "reason": reason}
