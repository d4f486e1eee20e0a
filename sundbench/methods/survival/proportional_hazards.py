"""Is the effect of a covariate the same at all times? The score test for its product with a function of time.

Source: Therneau and Grambsch, Modeling Survival Data (2000), section 6.2, as the score test that R's
survival has had since version 3.0: the model is enlarged by each covariate times g(t), at a coefficient of 0.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import chi2, rankdata

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.curve import curve
from sundbench.methods.survival.observations import Observations
from sundbench.methods.survival.partial_likelihood import PartialLikelihood

TimeScale = Literal["km", "identity", "rank", "log"]


def proportional_hazards_test(
    model: PartialLikelihood,
    beta: Floats,
    covariates: dict[str, tuple[int, ...]],
    rows: Observations,
    transform: TimeScale,
) -> pd.DataFrame:
    """Indexed by covariate and GLOBAL: statistic, df, p_value."""
    sets = model.sets
    scale = _scale(sets.time, rows, transform)
    scale = scale - np.mean(scale[sets.event_places])
    hazard = model.hazard(beta)
    plain = model.derivatives(hazard)[1]
    gradient, once = model.derivatives(hazard, scale)
    twice = model.derivatives(hazard, scale**2)[1]
    size = beta.size
    whole = np.block([[plain, once], [once, twice]])
    table = {}
    for name, places in [*covariates.items(), ("GLOBAL", tuple(range(size)))]:
        kept = [*range(size), *(size + place for place in places)]
        score = np.concatenate((np.zeros(size), gradient[list(places)]))
        part = whole[np.ix_(kept, kept)]
        try:
            statistic = float(score @ np.linalg.solve(part, score))
        except np.linalg.LinAlgError:  # all events at one time: nothing can change with it
            statistic = float("nan")
        table[name] = (statistic, len(places), float(chi2.sf(statistic, len(places))))
    index = pd.Index(list(table), name="term")
    return pd.DataFrame(list(table.values()), index=index, columns=["statistic", "df", "p_value"])


def _scale(time: Floats, rows: Observations, transform: TimeScale) -> Floats:
    """The function of time at each event time."""
    if transform == "identity":
        return time
    if transform == "log":
        if (time <= 0).any():
            raise MethodError("transform log: some events are at time 0: use km or identity")
        return np.asarray(np.log(time))
    if transform == "rank":
        # As R ranks them: among the ends of all rows.
        distinct, first = np.unique(rows.end, return_index=True)
        return np.asarray(rankdata(rows.end)[first][np.searchsorted(distinct, time)])
    if transform == "km":
        late = np.zeros_like(rows.end) if rows.entry is None else rows.entry
        one = curve(rows.end, rows.event, late, np.ones_like(rows.end))
        before = np.concatenate(([1.0], one.survival))
        return np.asarray(1.0 - before[np.searchsorted(one.time, time)])
    raise MethodError(f"transform {transform} is unknown: use km, identity, rank or log")
