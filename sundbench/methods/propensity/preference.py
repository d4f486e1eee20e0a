"""Preference scores and empirical equipoise: could the same persons have had either treatment?

Source: Walker et al., Comparative Effectiveness Research 3 (2013): equipoise where at least half of the
persons of each arm have a preference score of 0.3 to 0.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, indicator
from sundbench.methods.propensity.weighting import scores_and_arm


@dataclass(frozen=True)
class Equipoise:
    """How many persons could have had either treatment.

    Attributes:
        table: one row an arm (``untreated``, ``treated``, ``all``): arm, persons, within, share.
        bounds: the preference scores from and to which persons count, both included.
    """

    table: pd.DataFrame
    bounds: tuple[float, float]

    @property
    def share(self) -> float:
        """The share of all persons who are within the bounds."""
        return float(self.table["share"].to_numpy()[2])

    @property
    def reached(self) -> bool:
        """Whether at least half of each arm is within the bounds."""
        return bool((self.table["share"].to_numpy()[:2] >= 0.5).all())


def preference_score(score: ArrayLike, treatment: ArrayLike) -> Floats:
    """The propensity score as it would be if both treatments were equally common.

    The log odds of the propensity score, less those of the share who are treated: 0.5 means that a person was
    as likely to be treated as the average person.

    Args:
        score: the probability of treatment, strictly between 0 and 1.
        treatment: 1 (treated) or 0.

    Raises:
        MethodError: scores outside (0, 1), or an empty arm.
    """
    ps, arm = scores_and_arm(score, treatment)
    return np.asarray(expit(logit(ps) - logit(arm.mean())))


@kinds_checked
def equipoise(
    score: ArrayLike, treatment: ArrayLike, *, bounds: tuple[float, float] = (0.3, 0.7)
) -> Equipoise:
    """Count persons by whether their preference score lies within the bounds.

    Args:
        score: the probability of treatment, strictly between 0 and 1.
        treatment: 1 (treated) or 0.
        bounds: from and to, both included.

    Raises:
        MethodError: scores outside (0, 1), an empty arm, or bounds that are none.
    """
    if len(bounds) != 2:
        raise MethodError(f"bounds: {len(bounds)} values: give the least and the largest preference score")
    lower, upper = bounds
    if not 0 <= lower < upper <= 1:
        raise MethodError(f"bounds {lower:g} to {upper:g} are none: use e.g. (0.3, 0.7)")
    preference = preference_score(score, treatment)
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    within = (preference >= lower) & (preference <= upper)
    rows = [
        (name, int(own.sum()), int(within[own].sum()), float(within[own].mean()))
        for name, own in (("untreated", ~arm), ("treated", arm), ("all", np.ones_like(arm)))
    ]
    return Equipoise(pd.DataFrame(rows, columns=["arm", "persons", "within", "share"]), bounds)
