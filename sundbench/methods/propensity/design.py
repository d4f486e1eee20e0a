"""Covariates as a design matrix: numbers as they are, categories as one column a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.linalg import qr

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame, frame


@dataclass(frozen=True)
class Design:
    """A design matrix with an intercept.

    Attributes:
        matrix: persons by terms, the first column 1.
        terms: the columns' names: ``(intercept)``, ``age``, ``region=2``.
    """

    matrix: Floats
    terms: tuple[str, ...]


def columns_of(values: pd.Series, *, every_level: bool) -> dict[str, Floats]:
    """One covariate's columns.

    Args:
        values: numbers or booleans, which stay one column, or anything else, which is categorical.
        every_level: give a column to the first level too (for balance), rather than take it as the
            reference (for a model). Levels are sorted, or in a pandas Categorical's own order.
    """
    name = str(values.name)
    if is_bool_dtype(values) or is_numeric_dtype(values):
        return {name: values.to_numpy(dtype=np.float64)}
    if isinstance(values.dtype, pd.CategoricalDtype):
        present = set(values.unique())
        levels = [level for level in values.cat.categories if level in present]
    else:
        levels = sorted(values.unique(), key=str)
    chosen = levels if every_level else levels[1:]
    return {f"{name}={level}": (values == level).to_numpy(dtype=np.float64) for level in chosen}


@kinds_checked
def design(data: Frame, covariates: Sequence[str], *, independent: bool = True) -> Design:
    """Build the matrix of a regression on the covariates.

    Args:
        data: a frame.
        covariates: its columns.
        independent: refuse covariates that follow from the others; a penalised model bears them.

    Raises:
        MethodError: a covariate is missing, constant, or follows from the others.
    """
    names = list(covariates)
    if not names:
        raise MethodError("covariates: none are named: a propensity model needs at least one")
    chosen = frame(data, names)
    parts: dict[str, Floats] = {"(intercept)": np.ones(len(chosen))}
    for name in names:
        if chosen[name].nunique() == 1:
            raise MethodError(f"covariate {name} has the same value for everybody: leave it out")
        parts.update(columns_of(chosen[name], every_level=False))
    matrix = np.column_stack(list(parts.values()))
    if not np.isfinite(matrix).all():
        raise MethodError("covariates: some values are infinite: mend or leave them out")
    terms = tuple(parts)
    if not independent:
        return Design(matrix, terms)
    scale = np.sqrt((matrix**2).mean(axis=0))
    triangle, order = qr(matrix / scale, mode="r", pivoting=True, check_finite=False)
    size = np.abs(np.diag(triangle))
    dependent = [terms[order[i]] for i in range(len(terms)) if i >= size.size or size[i] < 1e-9 * size[0]]
    if dependent:
        raise MethodError(
            f"covariates: {', '.join(dependent)} follows exactly from the others: leave out one of them"
        )
    return Design(matrix, terms)
