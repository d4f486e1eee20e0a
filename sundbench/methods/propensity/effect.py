"""Effects by weighting, by weighting and outcome models together (doubly robust), and by standardising.

The variance is the sandwich of all estimating equations stacked: those of the propensity model, of the
outcome models and of the means. A robust variance that takes weights as known is too wide for ``ate``, and
can be too narrow for ``att``.

Written by hand: statsmodels' treatment effects have no overlap weights and no yes/no outcomes. Source:
Lunceford and Davidian, Statistics in Medicine 23 (2004); Li, Morgan and Zaslavsky, JASA 113 (2018); Mao, Li
and Greene, Statistical Methods in Medical Research 28 (2019). Estimators and variances are those of R's
PSweight 2.1; influence functions are written out here instead of differentiated numerically.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers
from sundbench.methods.propensity.design import design
from sundbench.methods.propensity.model import fit, treated
from sundbench.methods.propensity.newton import standardise
from sundbench.methods.propensity.outcome import outcome_model
from sundbench.methods.propensity.weighting import Estimand, raw_weights

Variance = Literal["stacked", "known"]


@dataclass(frozen=True)
class Effect:
    """Mean outcomes under either treatment, and how they differ.

    Attributes:
        table: indexed by term (``untreated``, ``treated``, ``difference``): coef, se, z, p_value, lower,
            upper. For a yes/no outcome these are risks and their difference.
        ratios: for a yes/no outcome, indexed by term (``risk ratio``, ``odds ratio``): coef (logarithm), se,
            z, p_value, ratio, lower, upper; NaN where a risk is 0 or 1. None for numbers.
        covariance: of the two means, untreated first.
        estimand: whom the means stand for.
        note: what a reader must know, or nothing.
    """

    table: pd.DataFrame
    ratios: pd.DataFrame | None
    covariance: Floats
    estimand: str
    note: str = ""

    @property
    def difference(self) -> float:
        """Treated less untreated."""
        return float(self.table["coef"].to_numpy()[2])

    @property
    def se(self) -> float:
        """Standard error of the difference."""
        return float(self.table["se"].to_numpy()[2])


@kinds_checked
def effect(
    data: Frame,
    *,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    estimand: Estimand = "ate",
    augmented: bool = False,
    interactions: Sequence[str] | None = None,
    normalised: bool = True,
    variance: Variance = "stacked",
    conf_level: float = 0.95,
) -> Effect:
    """The effect of treatment, weighted by a propensity model on the covariates.

    Args:
        data: a frame, one row a person.
        outcome: its column: numbers, or 0 and 1 (booleans), which are taken as yes/no.
        treatment: its column of 1 (treated) and 0.
        covariates: its columns, of the propensity model and, if ``augmented``, of the outcome models too.
        estimand: whom the effect is in: ``ate`` all, ``att`` the treated, ``overlap`` those who could have
            had either.
        augmented: add outcome models (linear, or logistic for yes/no): the effect is then right if either
            they or the propensity model are.
        interactions: covariates whose coefficients differ between the arms in the outcome model; all of them
            if nothing is said, which is a model for each arm.
        normalised: divide by the sum of weights in each arm; False divides by the number of persons, as the
            augmented estimator is written in textbooks (augmented only).
        variance: ``stacked`` counts that the models are estimated; ``known`` takes them as known, as
            generalised estimating equations do.
        conf_level: of the limits.

    Raises:
        MethodError: an empty arm, missing values, an outcome that is the same for everybody, covariates that
            separate the arms or, if ``augmented``, the outcomes.
    """
    arm, y, told = _read(data, outcome, treatment, covariates, estimand)
    _choices(variance, conf_level)
    if not augmented and (not normalised or interactions is not None):
        raise MethodError("interactions and normalised belong to outcome models: give augmented=True as well")
    score = fit(data, treatment=treatment, covariates=covariates).score
    terms = standardise(design(data, covariates).matrix)
    weights = raw_weights(score, arm, estimand)
    slope, tilt, tilt_slope = _derivatives(score, arm, estimand)
    model = outcome_model(data, y, arm, covariates, interactions) if augmented else None
    information = (terms * (score * (1 - score))[:, None]).T @ terms / arm.size
    means, influence = [], []
    for a, own in enumerate((~arm, arm)):
        expected = np.zeros(arm.size) if model is None else model.expected[a]
        rest, weighted, sloped = y - expected, own * weights, own * slope
        # Two ratios of sums: the outcome model's mean in the target, and the weighted mean of what it misses.
        base, base_slope = (weighted, sloped) if normalised else (tilt, tilt_slope)
        parts = [(weighted, sloped, rest, base, base_slope)]
        if model is not None:
            parts.append((tilt, tilt_slope, expected, tilt, tilt_slope))
        mean, each, gradient = 0.0, np.zeros(arm.size), np.zeros(arm.size)
        for w, w_slope, values, over, over_slope in parts:
            size = float(over.mean())
            value = float((w * values).mean()) / size
            mean += value
            each += (w * values - value * over) / size
            gradient += (w_slope * values - value * over_slope) / size
        if variance == "stacked":
            each += (terms @ np.linalg.solve(information, terms.T @ gradient / arm.size)) * (arm - score)
            if model is not None:
                each += model.influence(a, tilt / tilt.mean() - weighted / base.mean())
        means.append(mean)
        influence.append(each)
    return _told(np.array(means), np.array(influence), told, estimand, conf_level)


@kinds_checked
def standardised_effect(
    data: Frame,
    *,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    estimand: Estimand = "ate",
    interactions: Sequence[str] | None = None,
    variance: Variance = "stacked",
    conf_level: float = 0.95,
) -> Effect:
    """The effect of treatment by standardising an outcome model over the covariates (the g-formula).

    Everybody's outcome is predicted as treated and as untreated, and averaged over all persons (``ate``) or
    over the treated (``att``). There is no propensity model; the other arguments are those of ``effect``.

    Raises:
        MethodError: as ``effect``.
    """
    arm, y, told = _read(data, outcome, treatment, covariates, estimand)
    _choices(variance, conf_level)
    if estimand == "overlap":
        raise MethodError("estimand overlap: standardising has no propensity model: use ate or att")
    model = outcome_model(data, y, arm, covariates, interactions)
    target = np.ones(arm.size) if estimand == "ate" else arm.astype(np.float64)
    target = target / target.mean()
    means, influence = [], []
    for a in (0, 1):
        mean = float((target * model.expected[a]).mean())
        each = target * (model.expected[a] - mean)
        if variance == "stacked":
            each = each + model.influence(a, target)
        means.append(mean)
        influence.append(each)
    return _told(np.array(means), np.array(influence), told, estimand, conf_level)


def _read(
    data: Frame, outcome: str, treatment: str, covariates: Sequence[str], estimand: str
) -> tuple[Bools, Floats, tuple[bool, str]]:
    """Who is treated, the outcomes, and whether they are yes/no, with a note where an arm has one outcome."""
    if estimand not in get_args(Estimand):
        raise MethodError(f"estimand {estimand} is unknown: use ate, att or overlap")
    for name in (outcome, treatment):
        if name in covariates:
            raise MethodError(f"covariates: {name} is the outcome or the treatment itself: leave it out")
    arm = treated(data, treatment)
    y = numbers(frame(data, [outcome])[outcome], outcome)
    if y.min() == y.max():
        raise MethodError(f"outcome {outcome} is {y[0]:g} for everybody: there is no effect to estimate")
    note = ""
    for name, own in (("treated", arm), ("untreated", ~arm)):
        if own.sum() < 2:
            raise MethodError(f"one person is {name}: a standard error needs at least two in each arm")
        if y[own].min() == y[own].max():
            note = f"all {name} have the outcome {y[own][0]:g}: the standard error takes that as certain"
    return arm, y, (bool(np.isin(y, (0.0, 1.0)).all()), note)


def _choices(variance: str, conf_level: float) -> None:
    if variance not in get_args(Variance):
        raise MethodError(f"variance {variance} is unknown: use stacked or known")
    if not 0 < conf_level < 1:
        raise MethodError(f"conf_level {conf_level} lies outside 0 to 1: use e.g. 0.95")


def _derivatives(score: Floats, arm: Bools, estimand: Estimand) -> tuple[Floats, Floats, Floats]:
    """Derivatives by the log odds: of the weights; the target population's tilt, and its derivative."""
    spread = score * (1 - score)
    if estimand == "ate":
        slope = np.where(arm, -(1 - score) / score, score / (1 - score))
        return slope, np.ones_like(score), np.zeros_like(score)
    if estimand == "att":
        return np.where(arm, 0.0, score / (1 - score)), score, spread
    return np.where(arm, -spread, spread), spread, spread * (1 - 2 * score)


def _told(
    means: Floats, influence: Floats, told: tuple[bool, str], estimand: str, conf_level: float
) -> Effect:
    covariance = influence @ influence.T / influence.shape[1] ** 2
    contrast = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]])
    table = _rows(
        ["untreated", "treated", "difference"],
        contrast @ means,
        np.sqrt(np.diag(contrast @ covariance @ contrast.T)),
        conf_level,
    )
    # A mean is not compared with 0.
    table.loc[["untreated", "treated"], ["z", "p_value"]] = np.nan
    binary, note = told
    ratios = None
    if binary:
        with np.errstate(all="ignore"):
            slopes = np.array([[-1, 1] / means, [-1, 1] / (means * (1 - means))])
            logs = np.array([np.log(means), np.log(means / (1 - means))]) @ [-1.0, 1.0]
            se = np.sqrt(np.diag(slopes @ covariance @ slopes.T))
        inside = bool(((means > 0) & (means < 1)).all() and np.isfinite(logs).all())
        ratios = _rows(
            ["risk ratio", "odds ratio"],
            logs if inside else np.full(2, np.nan),
            se if inside else np.full(2, np.nan),
            conf_level,
        )
        ratios[["lower", "upper"]] = np.exp(ratios[["lower", "upper"]])
        ratios.insert(4, "ratio", np.exp(ratios["coef"]))
    return Effect(table, ratios, covariance, estimand, note)


def _rows(terms: list[str], coef: Floats, se: Floats, conf_level: float) -> pd.DataFrame:
    reach = norm.ppf((1 + conf_level) / 2) * se
    with np.errstate(all="ignore"):
        z = coef / se
    return pd.DataFrame(
        {
            "coef": coef,
            "se": se,
            "z": z,
            "p_value": 2 * norm.sf(np.abs(z)),
            "lower": coef - reach,
            "upper": coef + reach,
        },
        index=pd.Index(terms, name="term"),
    )
