"""Case series where an event may end observation: after a heart attack some die.

Source: Farrington, Anaya-Izquierdo, Whitaker, Hocine, Douglas and Smeeth, JASA 2011;106:417. Days are
weighted by how likely the end that was seen would be, had the event come on them. Age effects then contain
the thinning by those ends. As in R's SCCS a piece of observation is weighted from its first to its last day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, frame, indicator
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.self_controlled.cases import Cases, read_cases
from sundbench.methods.self_controlled.design import design
from sundbench.methods.self_controlled.fitting import fit
from sundbench.methods.self_controlled.observation_end import YEAR, Observed, best_end
from sundbench.methods.self_controlled.windows import Washout, Windows
from sundbench.methods.survival.follow_up import check_level


@dataclass(frozen=True)
class EventDependentObservation:
    """A case series whose days are weighted by the ends of observation.

    Attributes:
        coef: logarithms of the rate ratios by term.
        variance: their covariance; the weights count as known.
        infinite: a reason by term, where a coefficient is infinite.
        models: of the time from event to end, by model: loglik, aic and whether it was chosen.
        persons: each with one event.
        censored: persons whose observation ended early.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats = field(repr=False)
    infinite: dict[str, str]
    models: pd.DataFrame
    persons: int
    censored: int
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, rr, lower, upper (the limits are the rate ratio's)."""
        names = self.coef.index.to_list()
        return ratio_table(names, self.coef.to_numpy(), self.variance, ratio="rr", conf_level=self.conf_level)


@kinds_checked
def sccs_event_dependent_observation(
    cases: Frame,
    exposures: Frame,
    *,
    birth: str | ArrayLike | None = None,
    risk_windows: Windows | Mapping[str, Windows],
    age_breaks: Sequence[int] | None = None,
    season: bool | Sequence[int] = False,
    washout: Washout | Mapping[str, Washout] | None = None,
    common_effect: bool = True,
    initial: float | Sequence[float] = 0.1,
    conf_level: float = 0.95,
) -> EventDependentObservation:
    """Fit a case series of events that may end observation, but aren't death themselves.

    Args:
        cases: as in ``sccs``, one event a person, and a column censored: 1 if observation ended early (at
            death or a move), 0 if it lasted as long as planned. Where it ended on the event's day it counts
            as a day longer.
        exposures: as in ``sccs``.
        birth: as in ``sccs``; ages must be known.
        risk_windows: as in ``sccs``.
        age_breaks: the first day of age of each group but the first.
        season: as in ``sccs``.
        washout: as in ``sccs``.
        common_effect: as in ``sccs``.
        initial: where the search for the four models' parameters begins, one number or four: the log mean of
            the exponential, that of the other component, the logit of the exponential's share, and the log
            shape of the other. A mixture's likelihood can have several maxima.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as ``sccs``; several events a person, unknown ages, or no model of the ends of
            observation.
    """
    check_level(conf_level)
    if isinstance(age_breaks, str):
        raise MethodError("age_breaks: give days of age: semiparametric age keeps event ages alone")
    people = read_cases(cases, birth)
    censored = _censored(cases, people)
    to_age = people.to_age
    if to_age is None:
        raise MethodError("ages aren't known: give birth")
    end = people.end.copy()
    end[people.period] += people.event == people.end[people.period]
    people = replace(people, end=end)
    event = np.empty(end.size, dtype=np.int64)
    event[people.period] = people.event
    observed = Observed((event + to_age) / YEAR, (people.end + to_age) / YEAR, censored)
    chosen, fits = best_end(observed, _initial(initial))
    made = design(
        people,
        exposures,
        risk_windows=risk_windows,
        age_breaks=age_breaks,
        season=season,
        washout=washout,
        common_effect=common_effect,
    )
    low = (made.rows.first + to_age[made.rows.period]) / YEAR
    weights = chosen.weights(observed, made.rows.period, low, low + (made.rows.days - 1) / YEAR)
    found = fit(made.stratum, weights, made.events, made.factors)
    models = pd.DataFrame(
        {"loglik": [own.loglik for own in fits], "aic": [own.aic for own in fits]},
        index=pd.Index([own.name for own in fits], name="model"),
    )
    return EventDependentObservation(
        coef=pd.Series(found.coef, index=pd.Index(found.terms, name="term"), name="coef"),
        variance=found.variance,
        infinite=found.infinite,
        models=models.assign(chosen=models.index == chosen.name),
        persons=end.size,
        censored=int(censored.sum()),
        conf_level=conf_level,
    )


def _censored(data: Frame, people: Cases) -> Bools:
    """By period, whether it ended early."""
    several = people.event.size - len(people.people)
    if several or people.start.size != len(people.people):
        raise MethodError(
            f"cases: {several} events are not their person's only one: give the first of each person"
        )
    chosen = frame(data, ["person", "censored"])
    flag = indicator(chosen["censored"], "cases: censored", "observation that ended early as 1, else as 0")
    place = people.people.get_indexer(pd.Index(chosen["person"]))
    least, most = np.ones(people.start.size, dtype=bool), np.zeros(people.start.size, dtype=bool)
    np.logical_and.at(least, place, flag)
    np.logical_or.at(most, place, flag)
    if (least != most).any():
        raise MethodError(f"cases: censored differs between rows of {int((least != most).sum())} persons")
    return most[people.person]


def _initial(initial: float | Sequence[float]) -> Floats:
    begin = np.asarray(initial, dtype=np.float64)
    if begin.ndim == 0:
        begin = np.full(4, float(begin))
    if begin.shape != (4,) or not np.isfinite(begin).all():
        raise MethodError("initial: give one number, or four")
    return begin
