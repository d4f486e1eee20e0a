"""Coefficients that the data don't determine, by their information."""

import numpy as np
import pytest

from sundbench.methods.information import undetermined


@pytest.mark.parametrize(
    ("information", "lacking"),
    [
        ([[2.0, 0.5], [0.5, 1.0]], None),
        ([[2.0, 0.0], [0.0, 0.0]], [False, True]),
        ([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [True, True, False]),
    ],
)
def test_none_of_its_own_or_what_follows_from_others(
    information: list[list[float]], lacking: list[bool] | None
) -> None:
    found = undetermined(np.array(information), 10, 1e-10)
    assert (found if found is None else found.tolist()) == lacking
