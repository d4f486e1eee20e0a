"""What an information matrix says of its coefficients: whether the data determine them all."""

from __future__ import annotations

import numpy as np

from sundbench.methods.inputs import Bools, Floats


def undetermined(information: Floats, scale: float | Floats, singular: float) -> Bools | None:
    """Which coefficients the data don't determine.

    Args:
        information: of (n, n), the negative second derivatives of the log likelihood.
        scale: what a coefficient's own information is measured by, such as the number of events; one, or n.
        singular: the share of it, and the least eigenvalue of the matrix scaled to a diagonal of ones, that
            count as none.

    Returns:
        Of n: those without an information of their own, or else those that follow from the others; None
        where all are determined.
    """
    diagonal = np.diag(information)
    lacking = np.asarray(diagonal <= singular * scale)
    if lacking.any():
        return lacking
    root = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(information / np.outer(root, root))
    return None if values[0] > singular else np.asarray(np.abs(vectors[:, 0]) > 0.1)
