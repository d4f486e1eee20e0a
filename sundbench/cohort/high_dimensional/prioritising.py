"""Which covariates could confound most: prioritisation by the bias that each could cause alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse, sparray, spmatrix

from sundbench.cohort.high_dimensional.covariates import HighDimensional
from sundbench.errors import StudyError

By = Literal["bias", "exposure"]

WHERE = "prioritise()"


@dataclass(frozen=True, eq=False)
class Prioritised:
    """Covariates in the order of how much they could confound.

    Attributes:
        matrix: the first ``k`` of them, in that order; rows as in the matrix that they were taken from.
        table: all covariates, those of the first ranks first: ``column`` (their place in that matrix),
            ``name``, ``exposed`` and ``unexposed`` (share that has it), ``relative_risk`` (of the outcome,
            with and without it), ``bias`` (the factor by which it alone could confound), ``strength`` (what
            they are ranked by) and ``chosen``. Those that can't be ranked come last, with no strength.
        notes: what a reader must know.
    """

    matrix: csr_array
    table: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix's columns' names."""
        return tuple(self.table["name"][self.table["chosen"]])


def prioritise(
    covariates: HighDimensional | sparray | spmatrix,
    exposure: ArrayLike,
    outcome: ArrayLike,
    k: int = 500,
    *,
    by: By = "bias",
    zero_cells: float = 0.1,
) -> Prioritised:
    """The covariates that could confound most: step 4 of the high-dimensional propensity score.

    By ``"bias"`` they are ranked by the absolute logarithm of the factor

        (P1 (RR - 1) + 1) / (P0 (RR - 1) + 1)

    by which a covariate that P1 of the exposed and P0 of the unexposed have, and that goes with a relative
    risk RR of the outcome, could confound (Bross IDJ. J Chronic Dis 1966;19:637-647; Schneeweiss 2009, with
    the erratum, Epidemiology 2018;29:e63-e64). RR is taken as it is, also below 1, as in the R packages hdps
    and autoCovariateSelection. By ``"exposure"`` they are ranked by the absolute logarithm of P1 / P0, for
    studies with few outcomes among the exposed (fewer than about fifty; Rassen JA et al. Am J Epidemiol
    2011;173:1404-1413).

    Args:
        covariates: what ``high_dimensional`` gives, or any sparse matrix of 0 and 1.
        exposure: for each row whether it is exposed: true or false, or 1 or 0.
        outcome: for each row whether the outcome happened; it has no part in ``by="exposure"``.
        k: how many are taken.
        by: what they are ranked by.
        zero_cells: what is added to each cell of a covariate's table with outcome or exposure where one of
            its cells is empty (Rassen 2011); 0 leaves such covariates out, as the paper of 2009 does.

    Raises:
        StudyError: lengths differ, values are missing or other than two, or nobody is exposed, unexposed or
            has the outcome.
    """
    if by not in get_args(By):
        raise StudyError(f"{WHERE}: by={by!r}: choose among {', '.join(get_args(By))}")
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise StudyError(f"{WHERE}: k={k!r}: give a whole number, 1 or more")
    if isinstance(zero_cells, bool) or not isinstance(zero_cells, int | float) or not 0 <= zero_cells < 1:
        raise StudyError(f"{WHERE}: zero_cells={zero_cells!r}: give a number from 0 to 1")
    matrix, names = _matrix(covariates)
    exposed = _told(exposure, "exposure", matrix.shape[0])
    happened = _told(outcome, "outcome", matrix.shape[0])
    have = np.asarray(matrix.sum(axis=0), np.int64)
    among_exposed, with_outcome = (np.asarray(matrix.T @ one.astype(np.int64)) for one in (exposed, happened))
    p1, p0, prevalence_ratio = _shares(among_exposed, int(exposed.sum()), have, len(exposed), zero_cells)
    relative_risk = _relative_risk(with_outcome, int(happened.sum()), have, len(happened), zero_cells)
    bias = (p1 * (relative_risk - 1) + 1) / (p0 * (relative_risk - 1) + 1)
    if by == "bias":
        strength = np.abs(np.log(np.where(np.isnan(prevalence_ratio), np.nan, bias)))
    else:
        strength = np.abs(np.log(prevalence_ratio))
    order = np.argsort(-strength, kind="stable")  # missing ones last, equal ones in the matrix's order
    ranked = int(np.isfinite(strength).sum())
    chosen = order[: min(k, ranked)]
    table = pd.DataFrame(
        {
            "column": order,
            "name": [names[one] for one in order],
            "exposed": p1[order],
            "unexposed": p0[order],
            "relative_risk": relative_risk[order],
            "bias": bias[order],
            "strength": strength[order],
            "chosen": np.arange(len(order)) < len(chosen),
        }
    )
    notes = []
    if ranked < len(order):
        notes.append(
            f"{len(order) - ranked} of {len(order)} covariates can't be ranked: cells of their tables "
            "are empty"
        )
    if ranked < k:
        notes.append(f"there are {ranked} covariates to take, not {k}")
    taken: csr_array = matrix[:, chosen]
    return Prioritised(taken, table, tuple(notes))


def _matrix(covariates: HighDimensional | sparray | spmatrix) -> tuple[csr_array, list[str]]:
    if isinstance(covariates, HighDimensional):
        return covariates.matrix, list(covariates.names)
    if not issparse(covariates):
        raise StudyError(f"{WHERE}: give what high_dimensional() gives, or a sparse matrix of 0 and 1")
    given: Any = covariates  # whose many types scipy's constructors don't all know
    matrix = csr_array(given, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.all(matrix.data == 1):
        raise StudyError(f"{WHERE}: the matrix has other values than 0 and 1")
    return csr_array(matrix.astype(np.int32)), [str(one) for one in range(matrix.shape[1])]


def _told(values: ArrayLike, what: str, rows: int) -> NDArray[np.bool_]:
    """Yes or no for each row."""
    given = np.asarray(values)
    if given.shape != (rows,):
        raise StudyError(
            f"{WHERE}: {what} has shape {given.shape}: one value for each of {rows} rows is needed"
        )
    if pd.isna(given).any():
        raise StudyError(f"{WHERE}: {what} has missing values: leave those rows out of both")
    if not np.isin(given, [0, 1]).all():
        raise StudyError(f"{WHERE}: {what} has other values than true and false: compare it, as in x == 'a'")
    said = given.astype(np.bool_)
    if said.all() or not said.any():
        raise StudyError(f"{WHERE}: {what} is the same for all rows: nothing can be compared")
    return said


def _shares(
    among_exposed: NDArray[np.int64], exposed: int, have: NDArray[np.int64], rows: int, added: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The shares of exposed and unexposed that have each covariate; their ratio, empty cells mended."""
    unexposed = rows - exposed
    among_unexposed = have - among_exposed
    cells = (among_exposed, exposed - among_exposed, among_unexposed, unexposed - among_unexposed)
    return among_exposed / exposed, among_unexposed / unexposed, _ratio(*cells, added)


def _relative_risk(
    with_outcome: NDArray[np.int64], outcomes: int, have: NDArray[np.int64], rows: int, added: float
) -> NDArray[np.float64]:
    """The risk of the outcome with each covariate by that without it."""
    without = outcomes - with_outcome
    return _ratio(with_outcome, have - with_outcome, without, rows - have - without, added)


def _ratio(
    a: NDArray[np.int64], b: NDArray[np.int64], c: NDArray[np.int64], d: NDArray[np.int64], added: float
) -> NDArray[np.float64]:
    """(a / (a + b)) / (c / (c + d)), with something added to each cell where one is empty.

    Where nothing is added, a ratio that is zero or undefined is missing.
    """
    if added:
        more = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), added, 0.0)
    else:
        more = np.where((a == 0) | (c == 0), np.nan, 0.0)
    ratio: NDArray[np.float64] = ((a + more) / (a + b + 2 * more)) / ((c + more) / (c + d + 2 * more))
    return ratio
