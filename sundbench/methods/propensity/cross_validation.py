"""The penalty of an L1-penalised model, by how well models predict persons who were held out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.propensity.descent import Columns
from sundbench.methods.propensity.lasso import Lasso

FOLDS = 10
_PENALTIES = 0.8 ** np.arange(1, 42)  # of the largest: down to a ten-thousandth
_PATIENCE = 5


def cross_validated(columns: Columns, arm: Bools, *, standardise: bool) -> tuple[float, pd.DataFrame]:
    """The penalty under which persons held out are predicted best.

    Each arm is dealt into ten folds, the same at every call. Penalties fall by a fifth from the one at which
    the first covariate would enter to a ten-thousandth of it, and end early where five in turn have predicted
    worse than the best. A fold's model has the penalty times the share of persons that it is fitted on.

    Returns:
        The penalty, and a table of those tried: penalty, deviance (mean of a person held out), se (of that,
        over the folds), terms (with a coefficient other than 0, mean over the folds).

    Raises:
        MethodError: an arm of fewer than ten, no covariate that says anything, or a model that isn't found.
    """
    smaller = int(min(arm.sum(), (~arm).sum()))
    if smaller < FOLDS:
        raise MethodError(f"an arm has {smaller} persons, too few for {FOLDS} folds: give a penalty")
    largest = Lasso(columns, arm, counted=np.ones_like(arm), standardise=standardise).largest
    if largest == 0:
        raise MethodError("no covariate differs between the arms: there is nothing to penalise")
    fold = _folds(arm)
    size = np.bincount(fold)
    models = [Lasso(columns, arm, counted=fold != k, standardise=standardise) for k in range(FOLDS)]
    penalties = largest * _PENALTIES
    paths = [model.path(penalties * share) for model, share in zip(models, 1 - size / arm.size, strict=True)]
    rows: list[tuple[float, float, float, float]] = []
    for penalty, solutions in zip(penalties, zip(*paths, strict=True), strict=True):
        found = list(zip(models, solutions, strict=True))
        deviance = np.array(
            [_deviance(model.linear(one), arm, fold == k) for k, (model, one) in enumerate(found)]
        )
        mean = float(np.average(deviance, weights=size))
        se = float(np.sqrt(np.average((deviance - mean) ** 2, weights=size) / (FOLDS - 1)))
        terms = float(np.mean([np.count_nonzero(one.coef) for _, one in found]))
        rows.append((float(penalty), mean, se, terms))
        best = int(np.argmin([row[1] for row in rows]))
        if len(rows) > best + _PATIENCE:
            break
    return rows[best][0], pd.DataFrame(rows, columns=["penalty", "deviance", "se", "terms"])


def _folds(arm: Bools) -> NDArray[np.int64]:
    """Each person's fold; every fold has its share of either arm."""
    draw = np.random.default_rng(0)
    fold = np.empty(arm.size, dtype=np.int64)
    for own in (arm, ~arm):
        members = draw.permutation(np.flatnonzero(own))
        fold[members] = np.arange(members.size) % FOLDS
    return fold


def _deviance(linear: Floats, arm: Bools, held: Bools) -> float:
    """Mean deviance of those held out."""
    return float(2 * (np.logaddexp(0.0, linear[held]) - arm[held] * linear[held]).mean())
