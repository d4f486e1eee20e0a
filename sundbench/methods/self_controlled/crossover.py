"""Case-crossover and case-time-control: were persons exposed when the event came, but not some time before?

The regression is ``rates.conditional_logistic``, each event a set. Sources: Maclure, Am J Epidemiol
1991;133:144 (case-crossover); Suissa, Epidemiology 1995;6:248 (case-time-control); Wang et al., Epidemiology
2011;22:848 (future cases as time controls).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame
from sundbench.methods.rates.conditional_logistic import conditional_logistic
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.self_controlled.exposures import Exposures, read_exposures
from sundbench.methods.self_controlled.hazard_windows import Events, Scheme, Windows, read_events, windows
from sundbench.methods.survival.follow_up import check_level


@dataclass(frozen=True)
class CaseCrossover:
    """A fitted case-crossover study.

    Attributes:
        coef: logarithms of the odds ratios by exposure.
        variance: their covariance.
        discordant: by exposure, the events whose windows are not all alike: ``events``, and of these how many
            are exposed in the ``case_window``, and how many in ``control_windows`` alone.
        exposed: by exposure, how many case windows and control windows are exposed, and how many there are.
        events, persons: with a case window and a control window at least.
        left_out: events without both within observation.
        repeated: rows of cases that said again what another row had said; they count once.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats
    discordant: pd.DataFrame
    exposed: pd.DataFrame
    events: int
    persons: int
    left_out: int
    repeated: int
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, or, lower, upper (the limits are the odds ratio's)."""
        names = self.coef.index.to_list()
        return ratio_table(names, self.coef.to_numpy(), self.variance, ratio="or", conf_level=self.conf_level)


@dataclass(frozen=True)
class CaseTimeControl:
    """A fitted case-time-control study.

    Attributes:
        cases: the case-crossover study of the cases: effect and trend together.
        time_controls: that of the time controls: the trend of exposure over time alone.
        conf_level: of the limits.
    """

    cases: CaseCrossover
    time_controls: CaseCrossover
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """The cases' odds ratios over the time controls', by term: coef, se, z, p_value, or, lower, upper."""
        coef = self.cases.coef - self.time_controls.coef
        variance = self.cases.variance + self.time_controls.variance
        return ratio_table(
            coef.index.to_list(), coef.to_numpy(), variance, ratio="or", conf_level=self.conf_level
        )


@kinds_checked
def case_crossover(
    cases: Frame,
    exposures: Frame,
    *,
    window_days: int,
    controls: int,
    gap_days: int = 0,
    lag_days: int = 0,
    conf_level: float = 0.95,
) -> CaseCrossover:
    """Compare exposure in the days up to an event with exposure in earlier windows of the same person.

    A window is exposed if a day of an exposure lies in it: from start to end, or the start alone where there
    is no end. All exposures are in one model.

    Args:
        cases: person, event_day, a row an event; and start and end of observation where these are known. A
            person may have several events. Days are dates or numbers.
        exposures: person, start, and where there are some name and end; a row an exposure. A dose isn't used:
            name doses apart.
        window_days: how long a window is. The case window's last day is the event's.
        controls: how many control windows, one before the other. Those that begin before observation are
            left out.
        gap_days: days between one window and the next that are not compared.
        lag_days: days between the case window's last day and the event: 1 leaves the event's day out.
        conf_level: coverage of the limits.

    Raises:
        MethodError: missing or wrong days, no windows within observation, and exposures whose odds ratio is
            not determined (no event has windows that differ) or infinite (all that differ do so in one way).
    """
    check_level(conf_level)
    scheme = Scheme.of(window_days, controls, gap_days, lag_days)
    events = read_events(cases, "cases")
    given = read_exposures(exposures, events.people, dated=events.dated)
    return _fit(events, given, sorted(set(given.name)), scheme, conf_level=conf_level)


@kinds_checked
def case_time_control(
    cases: Frame,
    time_controls: Frame,
    exposures: Frame,
    *,
    window_days: int,
    controls: int,
    gap_days: int = 0,
    lag_days: int = 0,
    conf_level: float = 0.95,
) -> CaseTimeControl:
    """A case-crossover study whose odds ratios are divided by those of persons without the event.

    Where use of a medicine grows, a case window is exposed more often than one before it in anybody. Time
    controls show by how much, if their use would have grown as the cases' did. Each set being one person's,
    the model with exposure and its product with being a case falls apart into one for cases and one for time
    controls, matched or not.

    Args:
        cases: as in ``case_crossover``.
        time_controls: the same of persons without the event; event_day is their index day (of a matched time
            control the case's event_day).
        exposures: of both.
        window_days: how long a window is, of both.
        controls: how many control windows, of both.
        gap_days: days between one window and the next.
        lag_days: days between the last window and the event or index day.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as in ``case_crossover``, for either.
    """
    check_level(conf_level)
    scheme = Scheme.of(window_days, controls, gap_days, lag_days)
    both = [read_events(cases, "cases"), read_events(time_controls, "time_controls")]
    given = {own.what: read_exposures(exposures, own.people, dated=own.dated) for own in both}
    names = sorted({name for own in given.values() for name in own.name})
    one, other = (_fit(own, given[own.what], names, scheme, conf_level=conf_level) for own in both)
    return CaseTimeControl(one, other, conf_level)


def _fit(
    events: Events, exposures: Exposures, names: Sequence[str], scheme: Scheme, *, conf_level: float
) -> CaseCrossover:
    laid, what = windows(events, scheme), events.what
    exposed = {name: laid.exposed(exposures, name) for name in names}
    discordant = pd.DataFrame({name: _discordant(laid, own, name, what) for name, own in exposed.items()}).T
    case = laid.case
    counts = {
        "case_windows": [int((own & case).sum()) for own in exposed.values()],
        "control_windows": [int((own & ~case).sum()) for own in exposed.values()],
        "of_case_windows": int(case.sum()),
        "of_control_windows": int((~case).sum()),
    }
    term = pd.Index(names, name="term")
    fit = conditional_logistic(
        {"_event": laid.event, "_case": case, **{name: own.astype(float) for name, own in exposed.items()}},
        outcome="_case",
        covariates=names,
        strata="_event",
        conf_level=conf_level,
    )
    return CaseCrossover(
        coef=fit.coef,
        variance=fit.variance,
        discordant=discordant.set_index(term),
        exposed=pd.DataFrame(counts, index=term),
        events=fit.sets,
        persons=np.unique(laid.person).size,
        left_out=laid.left_out,
        repeated=events.repeated,
        conf_level=conf_level,
    )


def _discordant(laid: Windows, exposed: np.ndarray, name: str, what: str) -> dict[str, int]:
    """Events whose windows differ.

    Raises:
        MethodError: there are none, or their case windows are all exposed, or all not.
    """
    many = np.bincount(laid.event)
    share = np.bincount(laid.event, exposed)
    differ = (share > 0) & (share < many)
    then = int((exposed & laid.case)[differ[laid.event]].sum())
    found = {"events": int(differ.sum()), "case_window": then, "control_windows": int(differ.sum()) - then}
    if not found["events"]:
        raise MethodError(
            f"{what}: {name}: the windows of no event differ in it: there is nothing to compare; leave it "
            "out, or take other windows"
        )
    if not found["case_window"] or not found["control_windows"]:
        said, ratio = ("exposed", "infinite") if found["case_window"] else ("unexposed", "0")
        raise MethodError(
            f"{what}: {name}: in all {found['events']} events whose windows differ the case window is "
            f"{said}: the odds ratio is {ratio} and has no limits; take other windows, or leave {name} out"
        )
    return found
