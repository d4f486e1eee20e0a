"""Strata of the propensity score.

Source: Rosenbaum and Rubin, JASA 79 (1984); Hong, Psychological Methods 17 (2012), for weighting by strata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, arms, indicator, numbers, same_length

Base = Literal["all", "treated", "untreated"]

_MOST = 10_000


@dataclass(frozen=True)
class Strata:
    """Persons by stratum of their score.

    Attributes:
        stratum: each person's, from 1 (the lowest scores), in the data's order.
        table: one row a stratum: stratum, lower, upper (scores above the lower limit up to the upper; the
            first has its lower limit too), treated, untreated.
        treatment: who is treated.
        note: how many are in strata that lack an arm, or nothing.
    """

    stratum: NDArray[np.int64]
    table: pd.DataFrame
    treatment: Bools
    note: str

    @kinds_checked
    def weights(self, estimand: Literal["ate", "att"] = "ate") -> Floats:
        """Weights that give each arm the strata of all persons (``ate``) or of the treated (``att``).

        They average 1 in each arm. Persons in strata that lack an arm get 0: they have nobody to be compared
        with.

        Raises:
            MethodError: another estimand.
        """
        if estimand not in ("ate", "att"):
            raise MethodError(f"estimand {estimand} is unknown for strata: use ate or att")
        counts = self.table[["untreated", "treated"]].to_numpy(dtype=np.float64, copy=True)
        counts[counts.min(axis=1) == 0] = 0.0
        target = counts.sum(axis=1) if estimand == "ate" else counts[:, 1]
        share = target / target.sum()
        size = counts.sum(axis=0)
        factor = np.divide(share[:, None] * size, counts, out=np.zeros_like(counts), where=counts > 0)
        return np.asarray(factor[self.stratum - 1, self.treatment.astype(np.int64)])


@kinds_checked
def stratify(score: ArrayLike, treatment: ArrayLike, *, strata: int = 5, base: Base = "all") -> Strata:
    """Cut the score at its quantiles.

    Where many persons share a score, quantiles can fall together: there are then fewer strata.

    Args:
        score: the probability of treatment.
        treatment: 1 (treated) or 0.
        strata: how many.
        base: whose quantiles (linearly interpolated): those of ``all``, as for the effect in all, of the
            ``treated``, as for the effect in them, or of the ``untreated``.

    Raises:
        MethodError: an empty arm, fewer than two strata asked for, or no stratum with both arms.
    """
    ps = numbers(score, "score")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    same_length(score=ps, treatment=arm)
    arms(arm)
    if (ps < 0).any() or (ps > 1).any():
        raise MethodError("score: some lie outside 0 to 1: give probabilities of treatment")
    if not float(strata).is_integer() or not 2 <= strata <= _MOST:
        raise MethodError(f"strata {strata} is not a whole number from 2 to {_MOST:,}")
    if base not in ("all", "treated", "untreated"):
        raise MethodError(f"base {base} is unknown: use all, treated or untreated")
    chosen = {"all": ps, "treated": ps[arm], "untreated": ps[~arm]}[base]
    cuts = np.unique(np.quantile(chosen, np.arange(1, strata) / strata))
    # A cut at or above the highest score would leave a stratum empty.
    cuts = cuts[(cuts < ps.max()) & (cuts >= ps.min())]
    stratum = np.searchsorted(cuts, ps, side="left") + 1
    many = cuts.size + 1
    treated = np.bincount(stratum[arm] - 1, minlength=many)
    untreated = np.bincount(stratum[~arm] - 1, minlength=many)
    table = pd.DataFrame(
        {
            "stratum": np.arange(1, many + 1),
            "lower": np.concatenate(([ps.min()], cuts)),
            "upper": np.concatenate((cuts, [ps.max()])),
            "treated": treated,
            "untreated": untreated,
        }
    )
    lacking = (treated == 0) | (untreated == 0)
    if lacking.all():
        raise MethodError("no stratum has persons in both arms: their scores don't overlap")
    alone = int((treated + untreated)[lacking].sum())
    note = f"{alone} persons are in strata that lack an arm: they are compared with nobody" if alone else ""
    return Strata(stratum.astype(np.int64), table, arm, note)
