"""The table of a model's coefficients, with ratios under their field's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from sundbench.methods.inputs import Floats


def ratio_table(
    terms: Sequence[str], coef: Floats, variance: Floats, *, ratio: str, conf_level: float
) -> pd.DataFrame:
    """Indexed by term: coef, se, z, p_value, the ratio, and its limits lower and upper."""
    se = np.sqrt(np.diag(variance))
    reach = norm.ppf((1 + conf_level) / 2) * se
    columns = {
        "coef": coef,
        "se": se,
        "z": coef / se,
        "p_value": 2 * norm.sf(np.abs(coef / se)),
        ratio: np.exp(coef),
        "lower": np.exp(coef - reach),
        "upper": np.exp(coef + reach),
    }
    return pd.DataFrame(columns, index=pd.Index(list(terms), name="term"))
