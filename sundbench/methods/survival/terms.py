"""Covariates of a hazard model as a matrix: numbers as they are, a column a level of categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, Frame, floats, frame
from sundbench.methods.propensity.design import columns_of

_BLOCK = 4096
"""Rows that are written at once: columns become rows within the processor's cache."""


@dataclass(frozen=True)
class Terms:
    """How covariates became a matrix, so that new data become one in the same way.

    Attributes:
        names: of the matrix's columns: ``age``, ``region=2``.
        covariates: each with its columns' places.
        levels: of the covariates that are categories, the first being the reference.
        means: of the columns, which are taken away.
        reach: how far the columns go from their means.
        spread: their standard deviations.
    """

    names: tuple[str, ...]
    covariates: dict[str, tuple[int, ...]]
    levels: dict[str, tuple[object, ...]]
    means: Floats
    reach: Floats
    spread: Floats

    def matrix(self, data: Frame) -> Floats:
        """New data's columns, not centred.

        Raises:
            MethodError: a covariate is missing, or has a level that the model has not seen.
        """
        chosen = frame(data, list(self.covariates))
        columns: list[Floats] = []
        for name in self.covariates:
            values = chosen[name]
            if name not in self.levels:
                columns.append(_numbers(values, name))
                continue
            unknown = ~values.isin(list(self.levels[name]))
            if unknown.any():
                raise MethodError(
                    f"covariate {name}: {int(unknown.sum())} values are levels that were not fitted"
                )
            columns += [np.asarray(values == level, dtype=np.float64) for level in self.levels[name][1:]]
        return np.column_stack(columns)


def terms(chosen: pd.DataFrame, covariates: Sequence[str]) -> tuple[Floats, Terms]:
    """The centred matrix of covariates, and how it was made.

    Raises:
        MethodError: a covariate is constant or infinite.
    """
    columns: dict[str, Floats] = {}
    places: dict[str, tuple[int, ...]] = {}
    levels: dict[str, tuple[object, ...]] = {}
    for name in covariates:
        values = chosen[name]
        first = len(columns)
        if is_bool_dtype(values) or is_numeric_dtype(values):
            columns[name] = values.to_numpy(dtype=np.float64)
        else:
            columns.update(list(columns_of(values, every_level=True).items())[1:])
            levels[name] = _levels(values)
        places[name] = tuple(range(first, len(columns)))
    means = np.array([column.mean() for column in columns.values()])
    ends = np.array([(column.min(), column.max()) for column in columns.values()]).reshape(-1, 2)
    for name, own in places.items():
        if not np.isfinite(ends[list(own)]).all():
            _numbers(chosen[name], name)
        if not own or ends[own[0], 0] == ends[own[0], 1]:
            raise MethodError(f"covariate {name} has the same value for everybody: leave it out")
    matrix, squares = np.empty((len(chosen), len(columns))), np.zeros(len(columns))
    for first in range(0, len(chosen), _BLOCK):
        block = slice(first, first + _BLOCK)
        for place, column in enumerate(columns.values()):
            np.subtract(column[block], means[place], out=matrix[block, place])
        squares += np.einsum("np,np->p", matrix[block], matrix[block])
    reach = np.abs(ends - means[:, None]).max(axis=1)
    spread = np.sqrt(squares / len(chosen))
    return matrix, Terms(tuple(columns), places, levels, means, reach, spread)


def _levels(values: pd.Series) -> tuple[object, ...]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        present = set(values.unique())
        return tuple(level for level in values.cat.categories if level in present)
    return tuple(sorted(values.unique(), key=str))


def _numbers(values: pd.Series, name: str) -> Floats:
    column = floats(values, f"covariate {name}")
    if not np.isfinite(column).all():
        bad = int((~np.isfinite(column)).sum())
        raise MethodError(
            f"covariate {name}: {bad} of {column.size} values are infinite: mend or leave them out"
        )
    return column
