"""Dominance, frontier and acceptability against R dampack and heemod."""

import numpy as np
import pandas as pd
import pytest

from sundbench.economics import cea

STATUS = {"ND": "frontier", "ED": "extendedly dominated", "D": "dominated"}


@pytest.fixture
def dominance(oracle):
    folder, expected = oracle("cea_dominance_frontier")
    return folder, expected["expected"]


@pytest.fixture
def psa(oracle):
    folder, expected = oracle("cea_psa_dampack")
    draws = pd.read_csv(folder / "example_psa.csv.gz")
    options = {"Chemo": "Chemo", "Radio": "Radio", "Surg": "Surgery"}
    cost = draws[[f"{name}_Cost" for name in options]].to_numpy()
    effect = draws[[f"{name}_Eff" for name in options]].to_numpy()
    return cost, effect, list(options.values()), expected["expected"], expected["wtp"]


def same(ours, theirs, rtol):
    theirs = theirs.rename(columns=str.lower).set_index(theirs["Strategy"].astype(str))
    ours = ours.set_index("strategy")
    assert set(ours.index) == set(theirs.index)
    theirs = theirs.loc[ours.index]
    assert ours["status"].tolist() == theirs["status"].map(STATUS).tolist()
    columns = ["cost", "effect", "inc_cost", "inc_effect", "icer"]
    np.testing.assert_allclose(ours[columns], theirs[columns].astype(float), rtol=rtol)


def test_a_hundred_strategies(dominance):
    folder, expected = dominance
    data = pd.read_csv(folder / expected["hund_strat"]["input"])
    ours = cea.icers(data["Strategy"], data["Cost"], data["QALYs"]).table
    theirs = pd.read_csv(folder / expected["hund_strat"]["output"])
    same(ours, theirs, expected["hund_strat"]["tolerance"]["rel"])
    assert (
        ours["strategy"][ours["status"] == "frontier"].tolist()
        == theirs.loc[theirs["Status"] == "ND", "Strategy"].astype(str).tolist()
    )


def test_published_strategies_against_c_difficile(dominance):
    folder, expected = dominance
    theirs = pd.read_csv(folder / expected["cdiff_published"]["output"])
    ours = cea.icers(theirs["Strategy"], theirs["Cost"], theirs["Effect"]).table
    same(ours, theirs, expected["cdiff_published"]["tolerance"]["rel"])


def test_a_textbook_example(dominance):
    case = dominance[1]["va_herc"]
    ours = cea.icers(case["input"]["strategy"], case["input"]["cost"], case["input"]["effect"]).table
    rows = ours.set_index("strategy")
    for row in case["rows"]:
        assert rows.loc[row["strategy"], "status"] == STATUS[row["status"]]
        if "icer" in row:
            assert rows.loc[row["strategy"], "icer"] == pytest.approx(row["icer"], rel=1e-12)


def test_equal_effect_puts_the_cheaper_first(dominance):
    case = dominance[1]["equal_effect_cheaper_first"]
    ours = cea.icers(case["input"]["strategy"], case["input"]["cost"], case["input"]["effect"])
    assert ours.frontier[0] == case["first_row"]


def test_frontier_with_its_ties(dominance):
    # Two identical strategies both stay, as in heemod; dampack would drop one.
    for case in dominance[1]["frontier_cases"]["cases"]:
        cost = np.atleast_1d(case["cost"])
        ours = cea.icers(range(1, cost.size + 1), cost, np.atleast_1d(case["effect"])).frontier
        assert sorted(map(int, ours)) == sorted(np.atleast_1d(case["frontier"]).tolist()), case["note"]


# dampack finds the best option of a draw by R's ``max.col``, which draws lots among options within 1e-5 of
# the largest. Its acceptabilities and losses hold a random part wherever draws come so near; ours are exact.
# Where none does the numbers are equal; elsewhere theirs must lie where the lots could have put them.


def near_ties(cost, effect, worth):
    benefit = cea.net_monetary_benefit(cost, effect, worth)
    best = benefit.max(axis=1, keepdims=True)
    return benefit, best, benefit >= best - 1e-5 * np.abs(benefit).max(axis=1, keepdims=True)


def test_acceptability(psa):
    cost, effect, names, expected, worths = psa
    table = cea.acceptability(cost, effect, willingness_to_pay=worths, strategies=names).table
    ours = table.pivot(index="willingness_to_pay", columns="strategy", values="probability")[names]
    theirs = pd.DataFrame(expected["ceac"]["rows"]).pivot(
        index="WTP", columns="Strategy", values="Proportion"
    )
    atol = expected["ceac"]["tolerance"]["abs"]
    equal = 0
    for worth in worths:
        _, _, near = near_ties(cost, effect, worth)
        alone = near & (near.sum(axis=1, keepdims=True) == 1)
        assert (theirs.loc[worth, names] >= alone.mean(axis=0) - atol).all()
        assert (theirs.loc[worth, names] <= near.mean(axis=0) + atol).all()
        if alone.any(axis=1).all():
            np.testing.assert_allclose(ours.loc[worth], theirs.loc[worth, names], rtol=0, atol=atol)
        equal += np.allclose(ours.loc[worth], theirs.loc[worth, names], rtol=0, atol=atol)
    assert equal >= 11  # of 15, by the lots that were drawn


def test_frontier_expected_loss_and_perfect_information(psa):
    cost, effect, names, expected, worths = psa
    ours = cea.acceptability(cost, effect, willingness_to_pay=worths, strategies=names)
    table = ours.table.set_index(["willingness_to_pay", "strategy"])
    slack = {}
    for worth in worths:
        benefit, best, near = near_ties(cost, effect, worth)
        slack[worth] = float(((best - benefit) * near).max(axis=1).mean())
    for row in expected["expected_loss"]["rows"]:
        here = table.loc[(row["WTP"], row["Strategy"])]
        assert here["on_frontier"] == row["On_Frontier"]
        exact, rtol = here["expected_loss"], expected["expected_loss"]["tolerance"]["rel"]
        assert exact * (1 - rtol) - slack[row["WTP"]] <= row["Expected_Loss"] <= exact * (1 + rtol)
    rtol = expected["evpi"]["tolerance"]["rel"]
    ours_at = ours.perfect_information.set_index("willingness_to_pay")["value"]
    for row in expected["evpi"]["rows"]:
        exact = ours_at[row["WTP"]]
        assert exact * (1 - rtol) - slack[row["WTP"]] <= row["EVPI"] <= exact * (1 + rtol)


def test_ratios_of_the_means(psa):
    cost, effect, names, expected, _ = psa
    np.testing.assert_allclose(
        cost.mean(axis=0), [r["meanCost"] for r in expected["summary"]["rows"]], rtol=1e-10
    )
    ours = cea.icers(names, cost.mean(axis=0), effect.mean(axis=0)).table.set_index("strategy")
    for row in expected["icers"]["rows"]:
        assert ours.loc[row["Strategy"], "status"] == STATUS[row["Status"]]
        if row["ICER"] is not None:
            assert ours.loc[row["Strategy"], "icer"] == pytest.approx(row["ICER"], rel=1e-9)
