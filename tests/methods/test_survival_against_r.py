"""Random data sets with ties, weights, late entry, strata and clusters, against R's survival and cmprsk.

``SUNDBENCH_R_SETS`` says how many; the suite takes 24. Differences are far below these tolerances, which
leave room for where R stops: its crr ends when the score is small.
"""

import os
import shutil
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import survival

SCRIPT = Path(__file__).parent / "against_r" / "survival.R"
SETS = int(os.environ.get("SUNDBENCH_R_SETS", "24"))
COVARIATES = ["x1", "x2", "x3"]
CHOICES = {"strata": "stratum", "weights": "weight", "entry": "entry", "cluster": "person", "offset": "shift"}
OPTIONS = list(product([False, True], repeat=3))  # entry, weights, strata; ties, clusters, offsets are drawn


def draw(seed: int) -> tuple[dict, pd.DataFrame]:
    random = np.random.default_rng(seed)
    entry, weights, strata = OPTIONS[seed % len(OPTIONS)]
    size = int(random.integers(40, 160))
    longest = int(random.choice([8, 30, 1000]))  # few distinct times make many ties
    x = {"x1": random.normal(size=size), "x2": random.integers(0, 2, size), "x3": random.integers(0, 4, size)}
    rate = np.exp(0.4 * x["x1"] - 0.3 * x["x2"] + 0.1 * x["x3"])
    first = np.ceil(longest / 2 * random.exponential(size=size) / rate)
    second = np.ceil(longest * random.exponential(size=size))
    censored = np.ceil(longest * random.uniform(0.2, 1.5, size))
    time = np.minimum(np.minimum(first, second), censored)
    cause = np.where(time == first, 1, np.where(time == second, 2, 0))
    whole = bool(random.integers(2))
    data = pd.DataFrame(
        {
            "time": time + 1,
            "cause": cause,
            "event": (cause == 1).astype(int),
            "entry": np.floor((time + 1) * random.random(size) * random.integers(0, 2, size) * 0.9),
            "weight": random.integers(1, 4, size) if whole else np.round(random.uniform(0.2, 3, size), 3),
            "stratum": random.integers(0, 3, size),
            "person": random.integers(0, size // 2, size),
            "arm": random.integers(0, 2 + seed % 2, size),
            "shift": np.round(random.normal(size=size), 3),
            **x,
        }
    )
    cluster = bool(random.integers(2))
    options = {
        "set": f"s{seed}",
        "entry": entry,
        "weights": weights,
        "strata": strata,
        "cluster": cluster,
        "offset": bool(random.integers(2)),
        "robust": cluster or (weights and not whole),
        "ties": str(random.choice(["efron", "breslow"])),
        "at": float(np.median(time)),
    }
    return options, data


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Data sets, and R's answers by set and what."""
    found = (
        shutil.which("Rscript")
        and not subprocess.run(
            ["Rscript", "-e", "stopifnot(requireNamespace('survival'), requireNamespace('cmprsk'))"],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not found:
        message = "R's survival and cmprsk are not there: install r-cran-survival and r-cran-cmprsk"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("against_r")
    drawn = [draw(seed) for seed in range(SETS)]
    for options, data in drawn:
        data.to_csv(folder / f"{options['set']}.csv", index=False)
    pd.DataFrame([options for options, _ in drawn]).to_csv(folder / "sets.csv", index=False)
    subprocess.run(["Rscript", str(SCRIPT), str(folder)], check=True, capture_output=True, timeout=280)
    told = pd.read_csv(folder / "answers.csv", dtype={"term": str}, skipinitialspace=True)
    told["value"] = pd.to_numeric(told["value"], errors="coerce")
    return drawn, {key: part.set_index("term")["value"] for key, part in told.groupby(["set", "what"])}


def agree(ours, theirs, *, rtol=1e-7, atol=1e-9):
    np.testing.assert_allclose(np.asarray(ours, dtype=float), theirs.to_numpy(), rtol=rtol, atol=atol)


def fitted(options, data):
    chosen = {key: column for key, column in CHOICES.items() if options[key]}
    return survival.cox(
        data, time="time", event="event", covariates=COVARIATES, ties=options["ties"], **chosen
    )


def test_cox(answers):
    drawn, told = answers
    for options, data in drawn:
        name, fit = options["set"], fitted(options, data)
        agree(fit.table["coef"], told[name, "cox coef"])
        agree(fit.table["se"], told[name, "cox se"])
        agree(np.sqrt(np.diag(fit.model_variance)), told[name, "cox model se"])
        agree([fit.loglik_null, fit.loglik], told[name, "cox loglik"])
        agree(fit.tests.loc[["score"], "statistic"], told[name, "cox score"])
        agree(fit.residuals("martingale")["martingale"], told[name, "cox martingale"], atol=1e-8)
        if not options["robust"]:
            moved = fit.residuals("dfbeta")
            for term in COVARIATES:
                agree(moved[term], told[name, f"cox dfbeta {term}"], rtol=1e-6, atol=1e-8)


def test_concordance(answers):
    drawn, told = answers
    for options, data in drawn:
        fit = fitted(options, data)
        agree([fit.concordance, fit.concordance_se], told[options["set"], "cox concordance"])


@pytest.mark.parametrize("transform", ["km", "identity", "rank"])
def test_proportional_hazards(answers, transform):
    drawn, told = answers
    for options, data in drawn:
        test = fitted(options, data).proportional_hazards_test(transform)
        agree(test["statistic"], told[options["set"], f"cox zph {transform}"], rtol=1e-6)


def test_prediction(answers):
    drawn, told = answers
    new = {"x1": [0.0, 1.0], "x2": [0, 1], "x3": [1, 2]}
    for options, data in drawn:
        stratum = str(data["stratum"][0]) if options["strata"] else None
        at = fitted(options, data).predict(new, [options["at"]], stratum=stratum)
        known = ~at["survival"].isna().to_numpy()  # R goes on after the last follow-up
        for column, key in (("survival", "survival"), ("se", "survival se"), ("lower", "survival lower")):
            agree(at[column][known], told[options["set"], f"cox {key}"][known])


@pytest.mark.parametrize("conf_type", ["plain", "log", "log-log"])
def test_kaplan_meier(answers, conf_type):
    drawn, told = answers
    for options, data in drawn:
        chosen = {"entry": "entry", "weights": "weight"}
        given = {key: data[column] for key, column in chosen.items() if options[key]}
        table = survival.kaplan_meier(data["time"], data["event"], conf_type=conf_type, **given).table
        name = options["set"]
        theirs = told[name, "km survival"]
        at = np.searchsorted(table["time"], theirs.index.astype(float))
        agree(table["survival"].to_numpy()[at], theirs)
        for column in ("lower", "upper"):
            limit = told[name, f"km {column} {conf_type}"]
            # Where the curve is 0 R gives limits of some kinds and not of others; there are none here.
            known = (limit.notna() & (theirs > 0)).to_numpy()
            agree(table[column].to_numpy()[at][known], limit[known])


def test_aalen_johansen(answers):
    drawn, told = answers
    for options, data in drawn:
        chosen = {"entry": "entry", "weights": "weight"}
        given = {key: data[column] for key, column in chosen.items() if options[key]}
        table = survival.aalen_johansen(data["time"], data["cause"], **given).table
        for cause in (1, 2):
            own = table[table["cause"] == cause]
            theirs = told[options["set"], f"aj incidence {cause}"]
            at = np.searchsorted(own["time"], theirs.index.astype(float))
            agree(own["incidence"].to_numpy()[at], theirs)
            agree(own["se"].to_numpy()[at], told[options["set"], f"aj se {cause}"])


def test_tests_of_groups(answers):
    drawn, told = answers
    for options, data in drawn:
        if options["entry"]:
            continue
        name = options["set"]
        for rho in (0, 1):
            test = survival.log_rank(data["time"], data["event"], data["arm"], rho=rho)
            assert test.statistic == pytest.approx(told[name, "log-rank"][str(rho)])
            test = survival.log_rank(
                data["time"], data["event"], data["arm"], strata=data["stratum"], rho=rho
            )
            assert test.statistic == pytest.approx(told[name, "log-rank stratified"][str(rho)])
        for cause in (1, 2):
            test = survival.gray_test(data["time"], data["cause"], data["arm"], of_interest=cause)
            assert test.statistic == pytest.approx(told[name, "gray"][str(cause)])


@pytest.mark.parametrize("convention", ["crr", "finegray"])
def test_fine_gray(answers, convention):
    drawn, told = answers
    for options, data in drawn:
        if options["entry"]:
            continue
        fit = survival.fine_gray(
            data,
            time="time",
            cause="cause",
            covariates=COVARIATES,
            convention=convention,
            cluster="person" if convention == "finegray" else None,
        )
        agree(fit.table["coef"], told[options["set"], f"{convention} coef"], rtol=1e-6, atol=1e-7)
        agree(fit.table["se"], told[options["set"], f"{convention} se"], rtol=1e-6)
