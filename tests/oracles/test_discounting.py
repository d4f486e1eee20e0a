"""The Danish discount factors (oracle discounting_denmark)."""

import numpy as np
import pytest

from sundbench.economics import discount


def test_factors_and_annuity(oracle):
    _, expected = oracle("discounting_denmark")
    wanted, rtol = expected["expected"], expected["tolerance"]["rel"]
    years = [float(year) for year in wanted["factor_at"]]
    np.testing.assert_allclose(discount.factor(years), list(wanted["factor_at"].values()), rtol=rtol)
    # Payments at the beginning of years 0 to 9: year 0 is not discounted.
    assert discount.factor(np.arange(10)).sum() == pytest.approx(wanted["annuity_begin_0_to_9_35"], rel=rtol)
