"""Covariates as sparse columns: of a SciPy matrix, or of what ``sb.high_dimensional`` gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from scipy.sparse import csc_array, csr_array, sparray, spmatrix

from sundbench.errors import MethodError
from sundbench.methods.propensity.descent import Columns


@runtime_checkable
class NamedMatrix(Protocol):
    """A sparse matrix whose columns have names, as ``high_dimensional`` and ``prioritise`` give."""

    @property
    def matrix(self) -> csr_array:
        """A row a person."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""


Sparse: TypeAlias = sparray | spmatrix | NamedMatrix


@dataclass(frozen=True)
class SparseCovariates:
    """Covariates of persons.

    Attributes:
        columns: their values.
        names: of the columns.
    """

    columns: Columns
    names: tuple[str, ...]


def sparse_covariates(data: Sparse, covariates: Sequence[str] | None, rows: int) -> SparseCovariates:
    """Covariates of a matrix.

    Args:
        data: a row a person.
        covariates: the names of a bare matrix's columns, or None to number them from 0; of a matrix with
            names those to take, or None for all.
        rows: how many persons there are.

    Raises:
        MethodError: another number of rows, no columns, values that are missing, infinite or no numbers, or
            names that are not there, twice, or not one a column.
    """
    given: Any = data.matrix if isinstance(data, NamedMatrix) else data  # scipy's constructors don't type all
    matrix = given if given.format in ("csr", "csc") else csr_array(given)
    persons, width = matrix.shape
    if persons != rows:
        raise MethodError(f"treatment: {rows} values for {persons} rows of the matrix: give one a row")
    known = data.names if isinstance(data, NamedMatrix) else tuple(map(str, range(width)))
    names = known if covariates is None else tuple(covariates)
    if isinstance(data, NamedMatrix):
        place = {name: column for column, name in enumerate(known)}
        absent = [name for name in names if name not in place]
        if absent:
            raise MethodError(f"covariates: the matrix has no column {absent[0]}: see its names")
        matrix = matrix if covariates is None else matrix[:, [place[name] for name in names]]
    elif len(names) != width:
        raise MethodError(f"covariates: {len(names)} names for {width} columns of the matrix: name each one")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise MethodError(f"covariates: the column {twice[0]} is named twice: name each column once")
    if not names:
        raise MethodError(f"the matrix has {persons} rows and no columns: there is nothing to compare")
    return SparseCovariates(compressed(matrix), names)


def compressed(matrix: csr_array[Any] | csc_array[Any]) -> Columns:
    """A matrix as compressed sparse columns; of zeros and ones each value takes a byte.

    Raises:
        MethodError: values that are missing, infinite or no numbers.
    """
    data = matrix.data
    if data.dtype.kind not in "biuf":
        raise MethodError("the matrix holds no real numbers: give 0 and 1, or other numbers")
    bad = 0 if data.dtype.kind != "f" else int((~np.isfinite(data)).sum())
    if bad:
        raise MethodError(f"the matrix: {bad} values are missing or infinite: leave those rows out")
    if not matrix.has_canonical_format:
        # What stands twice in one place is added.
        matrix = matrix.astype(np.float64)
        matrix.sum_duplicates()
    binary = bool(((matrix.data == 1) | (matrix.data == 0)).all())
    columns: Any = matrix.astype(np.int8 if binary else np.float64).tocsc()
    return Columns(columns.indptr.astype(np.int64), columns.indices.astype(np.int32), columns.data)
