"""Restricted mean survival against R survRM2 on its PBC sample (oracle survival_rmst_survrm2)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import survival


def test_groups_and_unadjusted_contrasts(oracle):
    folder, expected = oracle("survival_rmst_survrm2")
    data = pd.read_csv(folder / "pbc_sample.csv")
    theirs, rtol = expected["expected"]["unadjusted"], expected["tolerance"]["rel"]
    ours = survival.rmst(data["time"], data["status"], data["arm"], tau=10)
    for group, key in ((0, "arm0"), (1, "arm1")):
        row = theirs[key][0]
        np.testing.assert_allclose(
            ours.groups.loc[group, ["rmst", "se", "lower", "upper"]].to_numpy(dtype=float),
            [row["Est."], row["se"], row["lower .95"], row["upper .95"]],
            rtol=rtol,
        )
    wanted = [[row["Est."], row["lower .95"], row["upper .95"], row["p"]] for row in theirs["contrasts"]]
    np.testing.assert_allclose(ours.table[["estimate", "lower", "upper", "p_value"]], wanted, rtol=rtol)


@pytest.mark.parametrize("contrast", ["difference", "ratio"])
def test_adjusted_contrasts(oracle, contrast):
    folder, expected = oracle("survival_rmst_survrm2")
    data = pd.read_csv(folder / "pbc_sample.csv")
    theirs, rtol = pd.DataFrame(expected["expected"]["adjusted"][contrast]), expected["tolerance"]["rel"]
    covariates = ["age", "edema", "bili"]
    ours = survival.rmst_regression(
        data, time="time", event="status", arm="arm", covariates=covariates, tau=10, contrast=contrast
    ).table
    assert ours.index.tolist() == ["(intercept)", "arm", *covariates]
    wanted = theirs[["coef", "se(coef)", "z", "lower .95", "upper .95"]]
    np.testing.assert_allclose(ours[["coef", "se", "z", "lower", "upper"]], wanted, rtol=rtol)
