"""Prioritisation: the formula as printed, the R package's numbers, and what can't be ranked."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.sparse import csr_array, csr_matrix
from slow_screening import strength

import sundbench as sb
from sundbench.errors import StudyError

ROWS = np.arange(60)


@pytest.fixture
def invented():
    """Five covariates, exposure and outcome of sixty rows."""
    covariates = np.column_stack(
        [ROWS % 3 == 0, (ROWS * 7) % 11 < 4, ROWS < 25, (ROWS * 5) % 13 == 0, (ROWS // 5) % 2 == 1]
    )
    return csr_array(covariates.astype(int)), (ROWS * 3) % 7 < 3, (ROWS * 11) % 17 < 6


def test_the_numbers_of_the_r_package(invented):
    """get_prioritised_covariates of autoCovariateSelection 1.0.0, R 4.2.2, over the same sixty rows."""
    found = sb.prioritise(*invented, k=3)
    assert found.table["column"].to_list() == [1, 3, 0, 2, 4]
    assert found.table["strength"].to_numpy() == pytest.approx(
        [0.007554109515664288, 0.005607281709838630, 0.001542734030138324, 0.000352596879644675, 0], abs=1e-14
    )
    assert found.table["relative_risk"].to_numpy() == pytest.approx(
        [0.806060606060606, 1.1, 0.933333333333333, 0.969230769230769, 1.2], abs=1e-14
    )
    assert found.names == ("1", "3", "0")
    assert (found.matrix != invented[0][:, [1, 3, 0]]).nnz == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=4, max_size=40))
def test_the_formula_as_printed(rows):
    having, exposed, happened = ({n for n, row in enumerate(rows) if row[part]} for part in range(3))
    everybody = set(range(len(rows)))
    for one in (exposed, happened):
        assume(one & having and one - having and having - one and everybody - one - having)
    covariate, exposure, outcome = np.array(rows).T
    found = sb.prioritise(csr_matrix(covariate[:, None].astype(int)), exposure, outcome)
    assert found.table["strength"][0] == pytest.approx(
        strength(having, exposed, happened, len(rows)), abs=1e-12
    )


def test_exposure_alone_ranks_by_the_ratio_of_the_shares(invented):
    matrix, exposure, outcome = invented
    table = sb.prioritise(matrix, exposure, outcome, by="exposure").table
    expected = np.abs(np.log(table["exposed"] / table["unexposed"]))
    assert table["strength"].to_numpy() == pytest.approx(expected.to_numpy())
    assert table["strength"].is_monotonic_decreasing


def test_empty_cells_are_mended_or_left_out():
    covariate = np.array([[1, 1], [1, 0], [1, 1], [0, 0], [0, 0], [0, 1], [0, 0], [0, 1]])
    exposure = [1, 0, 1, 0, 1, 0, 1, 0]
    outcome = [0, 0, 0, 1, 0, 1, 1, 0]
    mended = sb.prioritise(csr_array(covariate), exposure, outcome)
    assert set(mended.names) == {"0", "1"}
    risk = mended.table.set_index("column")["relative_risk"]
    assert risk[0] == pytest.approx((0.1 / 3.2) / (3.1 / 5.2))
    strict = sb.prioritise(csr_array(covariate), exposure, outcome, zero_cells=0)
    assert strict.names == ("1",)
    assert strict.table["strength"].isna().to_list() == [False, True]
    assert strict.notes == (
        "1 of 2 covariates can't be ranked: cells of their tables are empty",
        "there are 1 covariates to take, not 500",
    )


def test_the_users_matrix_stays_as_it_is():
    matrix = csr_array((np.ones(3), ([0, 1, 1], [0, 0, 1])), shape=(4, 2))
    matrix.data[2] = 0
    sb.prioritise(matrix, [1, 0, 1, 0], [1, 1, 0, 0])
    assert matrix.nnz == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"exposure": [1, 0]}, "exposure has shape (2,): one value for each of 4 rows"),
        ({"exposure": [1, 0, None, 0]}, "exposure has missing values"),
        ({"outcome": ["a", "b", "a", "b"]}, "outcome has other values than true and false"),
        ({"outcome": [0, 0, 0, 0]}, "outcome is the same for all rows"),
        ({"k": 0}, "k=0: give a whole number"),
        ({"by": "outcome"}, "by='outcome': choose among bias, exposure"),
        ({"zero_cells": 2}, "zero_cells=2: give a number from 0 to 1"),
        ({"covariates": np.eye(4)}, "give what high_dimensional() gives, or a sparse matrix"),
        ({"covariates": csr_array(2 * np.eye(4))}, "the matrix has other values than 0 and 1"),
    ],
)
def test_what_is_refused(wrong, message):
    given = {"covariates": csr_array(np.eye(4)), "exposure": [1, 0, 1, 0], "outcome": [1, 1, 0, 0]}
    with pytest.raises(StudyError, match=re.escape(message)):
        sb.prioritise(**(given | wrong))
