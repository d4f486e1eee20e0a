"""The steps of tied events, as machine code.

At a time with d events of total weight W, Efron (1977) takes the events away from the risk set one by one:
step l = 0 .. d-1 has the mass W/d, and the events themselves count with l/d taken away. Breslow (1974) has
one step of mass W. There are as many steps as events, and none of them is kept.
"""

from __future__ import annotations

import numpy as np

from sundbench.methods.compiled import compiled
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.follow_up import Ints


@compiled
def step_sums(at_risk: Floats, of_events: Floats, mass: Floats, steps: Ints) -> tuple[float, Floats]:
    """Sums over the steps of each event time.

    Args:
        at_risk: the risk of those at risk at each event time.
        of_events: that of its events.
        mass: the weight of its events.
        steps: how many it has.

    Returns:
        The sum of all steps' mass * log(denominator), NaN where a denominator isn't above 0; and for each
        event time a row of sums: of mass / d and of fraction * mass / d, where d is the step's denominator;
        of mass / d**2, times the fraction to 0, 1 and 2; of 1 / d and of fraction / d.
    """
    logs = 0.0
    sums = np.zeros((at_risk.size, 7))
    for place in range(at_risk.size):
        own = mass[place] / steps[place]
        for step in range(steps[place]):
            fraction = step / steps[place]
            denominator = at_risk[place] - fraction * of_events[place]
            if not denominator > 0.0:
                return np.nan, sums
            logs += own * np.log(denominator)
            inverse = 1.0 / denominator
            hazard = own * inverse
            square = hazard * inverse
            sums[place, 0] += hazard
            sums[place, 1] += fraction * hazard
            sums[place, 2] += square
            sums[place, 3] += fraction * square
            sums[place, 4] += fraction * fraction * square
            sums[place, 5] += inverse
            sums[place, 6] += fraction * inverse
    return logs, sums
