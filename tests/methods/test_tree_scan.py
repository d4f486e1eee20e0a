"""The tree-based scan statistic."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, poisson

from sundbench.errors import MethodError
from sundbench.methods import signals
from sundbench.methods.signals.hierarchy import ancestors

CODES = [f"{c}{i:02d}{s}" for c in "IK" for i in range(10, 30) for s in "01"]


def drawn(seed: int, excess: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    expected = random.gamma(3, 2, len(CODES))
    more = np.array([excess if code.startswith("I21") else 1.0 for code in CODES])
    return pd.DataFrame({"code": CODES, "cases": random.poisson(expected * more), "expected": expected})


def scan(data, **call):
    return signals.tree_scan(data, **({"node": "code", "cases": "cases", "tree": "icd10"} | call)).table


@pytest.mark.parametrize(
    ("code", "tree", "above"),
    [
        ("B01AF02", "atc", ["B01AF", "B01A", "B01", "B"]),
        ("B01A", "atc", ["B01", "B"]),
        ("DI489B", "icd10", ["DI489", "DI48", "chapter IX"]),
        ("I48.9", "icd10", ["I48", "chapter IX"]),
        ("D500", "icd10", ["D50", "chapter III"]),
        ("DD500", "icd10", ["DD50", "chapter III"]),
        ("DC349", "icd10", ["DC34", "chapter II"]),
        ("H609", "icd10", ["H60", "chapter VIII"]),
        ("leaf", {"leaf": "branch", "branch": "root"}, ["branch", "root"]),
    ],
)
def test_groups_above_a_code(code, tree, above):
    assert ancestors(code, tree) == above


def test_statistics_are_the_likelihood_ratios_of_the_models():
    data = drawn(1, 3.0)
    total, due = data["cases"].sum(), data["expected"].sum()
    inside = data["code"].str.startswith("I21")
    c, e = data.loc[inside, "cases"].sum(), data.loc[inside, "expected"].sum()
    plain = scan(data, expected="expected", conditional=False, replicates=9).set_index("node").loc["I21"]
    assert plain["llr"] == pytest.approx(poisson.logpmf(c, c) - poisson.logpmf(c, e))
    held = scan(data, expected="expected", replicates=9).set_index("node").loc["I21"]
    assert held["llr"] == pytest.approx(binom.logpmf(c, total, c / total) - binom.logpmf(c, total, e / due))
    sizes = data.assign(controls=np.ceil(data["expected"]))
    n, everybody = c + sizes.loc[inside, "controls"].sum(), total + sizes["controls"].sum()
    call = {"controls": "controls", "replicates": 9}
    known = scan(sizes, conditional=False, probability=0.4, **call).set_index("node").loc["I21"]
    assert known["llr"] == pytest.approx(binom.logpmf(c, n, c / n) - binom.logpmf(c, n, 0.4))
    among = scan(sizes, **call).set_index("node").loc["I21"]
    alternative = binom.logpmf(c, n, c / n) + binom.logpmf(
        total - c, everybody - n, (total - c) / (everybody - n)
    )
    null = binom.logpmf(c, n, total / everybody) + binom.logpmf(total - c, everybody - n, total / everybody)
    assert among["llr"] == pytest.approx(alternative - null)


@pytest.mark.parametrize("conditional", [True, False])
def test_a_planted_excess_is_found_and_called_by_its_node(conditional):
    table = scan(drawn(3, 4.0), expected="expected", conditional=conditional)
    assert table.loc[0, "node"] == "I21"
    assert table.loc[0, "p_value"] == 0.001
    assert table.loc[0, "rr"] > 2
    assert set(table["node"]) >= {"chapter IX", "chapter XI", "I10", "K291"}


def test_without_effect_the_smallest_p_value_is_uniform():
    smallest = [
        scan(drawn(seed), expected="expected", replicates=99, seed=seed)["p_value"].min()
        for seed in range(150)
    ]
    assert np.mean(np.array(smallest) <= 0.2) == pytest.approx(0.2, abs=0.1)
    assert np.mean(smallest) == pytest.approx(0.5, abs=0.1)


def test_the_same_seed_gives_the_same_table():
    one, two = (scan(drawn(2), expected="expected", replicates=300, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_rows_of_a_code_are_added_and_nodes_may_have_cases_themselves():
    split = pd.DataFrame({"code": ["a", "a", "b", "top"], "cases": [1, 2, 4, 1], "expected": [1.0, 1, 2, 1]})
    table = scan(split, expected="expected", tree={"a": "top", "b": "top"}, replicates=9).set_index("node")
    assert table.loc["a", "cases"] == 3
    assert table.loc["top", "cases"] == 8


@pytest.mark.parametrize(
    ("change", "call", "says"),
    [
        ({}, {}, "give one of them"),
        ({}, {"expected": "expected", "controls": "expected"}, "give one of them"),
        ({"cases": 0}, {"expected": "expected"}, "no cases"),
        ({"cases": 1, "expected": 0.0}, {"expected": "expected"}, "0 expected"),
        ({"expected": -1.0}, {"expected": "expected"}, "negative"),
        ({"code": "I4"}, {"expected": "expected"}, "shorter than a category"),
        ({}, {"expected": "expected", "tree": "snomed"}, "unknown"),
        (
            {},
            {"expected": "expected", "tree": dict.fromkeys(CODES, "x") | {"x": "y", "y": "x"}},
            "above itself",
        ),
        ({"controls": 5}, {"controls": "controls", "conditional": False}, "probability"),
        ({}, {"expected": "expected", "replicates": 0}, "replicates"),
    ],
)
def test_what_a_scan_refuses(change, call, says):
    with pytest.raises(MethodError, match=says):
        scan(drawn(1).assign(**change), **call)
