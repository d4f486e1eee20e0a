"""Matching on the propensity score: against a plain reference, its rules, and what it refuses."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import propensity

SCORES = st.integers(1, 31).map(lambda k: k / 32)  # few distinct scores make many ties


def nearest(place, person, free, looked):
    """Of two equally near the one fewer persons further on in the order of scores, then the lower."""
    at = {i: k for k, i in enumerate(sorted(range(len(place)), key=lambda i: (place[i], i)))}
    left, right = min(at[i] for i in looked), max(at[i] for i in looked)

    def further(control):
        before = at[control] < at[person]
        beyond = left - at[control] if before else at[control] - right
        return abs(place[control] - place[person]), beyond, not before

    return min(free, key=further, default=None)


def reference(place, arm, *, ratio, reach, replace, order):
    """The rules as they are written, in quadratic time."""
    treated = [i for i in range(len(arm)) if arm[i]]
    free = {i for i in range(len(arm)) if not arm[i]}
    turns = {
        "largest": sorted(treated, key=lambda i: (-place[i], i)),
        "smallest": sorted(treated, key=lambda i: (place[i], i)),
    }
    pairs, turn = [], turns.get(order, treated)

    def look(person, lost=()):
        had = [c for t, c in pairs if t == person]
        if replace:
            return nearest(place, person, free - set(had), [person])
        return nearest(place, person, free, [person, *had, *lost])

    def within(person, control):
        return control is not None and abs(place[person] - place[control]) <= reach

    for _ in range(ratio):
        queue = [(i, look(i)) for i in turn]
        if order == "closest" and not replace:
            queue.sort(key=lambda pair: abs(place[pair[0]] - place[pair[1]]) if pair[1] is not None else 0)
        turn = []
        while queue:
            person, control = queue.pop(0)
            if order != "closest" or replace:
                control = look(person)
            elif control not in free and control is not None:
                control = look(person, [control])
                if within(person, control):
                    gap = abs(place[person] - place[control])
                    closer = sum(abs(place[i] - place[c]) < gap for i, c in queue if c is not None)
                    queue.insert(closer, (person, control))
                continue
            if not within(person, control):
                continue
            pairs.append((person, control))
            turn.append(person)
            if not replace:
                free.discard(control)
        turn.sort(key=turns.get(order, treated).index)
    return sorted(pairs, key=lambda pair: pair[0])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(SCORES, st.booleans()), min_size=2, max_size=24).filter(
        lambda rows: len({arm for _, arm in rows}) == 2
    ),
    st.sampled_from([None, 0.05, 0.3, 1.0]),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(["largest", "smallest", "closest", "data"]),
)
def test_pairs_are_those_of_the_plain_reference(rows, caliper, ratio, replace, order):
    score, arm = (np.array(column) for column in zip(*rows, strict=True))
    if caliper is not None and len(set(score)) == 1:
        return
    reach = np.inf if caliper is None else caliper * score.std(ddof=1)
    wanted = reference(score, arm, ratio=ratio, reach=reach, replace=replace, order=order)
    options = {"ratio": ratio, "caliper": caliper, "scale": "propensity", "replace": replace, "order": order}
    if not wanted:
        with pytest.raises(MethodError, match="no treated person has a control"):
            propensity.match(score, arm, **options)
        return
    found = propensity.match(score, arm, **options)
    assert list(zip(found.table["treated"], found.table["control"], strict=True)) == wanted
    assert (found.table["distance"] <= found.caliper).all()
    assert found.unmatched == arm.sum() - found.table["treated"].nunique()


def test_the_caliper_is_in_standard_deviations_of_the_logit():
    score = np.array([0.5, 0.6, 0.2, 0.9])
    logit = np.log(score / (1 - score))
    gap, spread = logit[1] - logit[0], logit.std(ddof=1)
    found = propensity.match(score, [1, 0, 0, 0], caliper=1.001 * gap / spread)
    assert found.table.to_dict("list") == {
        "treated": [0],
        "control": [1],
        "distance": [pytest.approx(gap)],
    }
    with pytest.raises(MethodError, match="widen it"):
        propensity.match(score, [1, 0, 0, 0], caliper=0.999 * gap / spread)


def test_who_chooses_first_decides():
    score, arm = [0.5, 0.53, 0.52, 0.3], [1, 1, 0, 0]
    pairs = {
        order: propensity.match(score, arm, caliper=None, order=order).table["control"].tolist()
        for order in ("largest", "smallest", "closest", "data")
    }
    assert pairs == {"largest": [3, 2], "smallest": [2, 3], "closest": [3, 2], "data": [2, 3]}


def test_with_replacement_everybody_has_the_nearest():
    found = propensity.match([0.5, 0.53, 0.52, 0.3], [1, 1, 0, 0], caliper=None, replace=True)
    assert found.table["control"].tolist() == [2, 2]
    np.testing.assert_allclose(found.weights, [1, 1, 1, 0])


def test_weights_of_several_controls():
    score, arm = [0.5, 0.7, 0.49, 0.52, 0.71], [1, 1, 0, 0, 0]
    found = propensity.match(score, arm, ratio=2, caliper=None, order="smallest")
    assert found.table[["treated", "control"]].to_numpy().tolist() == [[0, 2], [0, 3], [1, 4]]
    np.testing.assert_allclose(found.weights, [1, 1, 0.75, 0.75, 1.5])


@pytest.mark.parametrize(
    ("score", "options", "message"),
    [
        ([0.0, 0.5, 0.5], {}, "some lie at 0"),
        ([0.4, 0.5], {}, "different lengths"),
        ([0.5, 0.5, 0.5], {}, "all are the same"),
        ([0.4, np.nan, 0.5], {}, "1 of 3 values are missing"),
        ([0.4, 0.5, 0.6], {"ratio": 0}, "ratio 0"),
        ([0.4, 0.5, 0.6], {"caliper": -1}, "caliper -1"),
        ([0.4, 0.5, 0.6], {"scale": "probit"}, "scale probit"),
        ([0.4, 0.5, 0.6], {"order": "random"}, "order random"),
    ],
)
def test_refuses(score, options, message):
    with pytest.raises(MethodError, match=message):
        propensity.match(score, [1, 0, 0], **options)


def test_refuses_one_arm():
    with pytest.raises(MethodError, match="nobody is untreated"):
        propensity.match([0.4, 0.5], [1, 1])


@pytest.fixture(scope="module")
def persons():
    draw = np.random.default_rng(5)
    age = draw.normal(65, 9, 900)
    new = draw.random(900) < 1 / (1 + np.exp(5 - 0.06 * age))
    return pd.DataFrame({"new": new.astype(int), "age": age, "region": draw.choice(list("abc"), 900)})


def test_balance_of_pairs(persons):
    score = propensity.fit(persons, treatment="new", covariates=["age", "region"]).score
    pairs = propensity.match(score, persons["new"])
    options = {"treatment": "new", "covariates": ["age", "region"]}
    found = propensity.balance(persons, **options, pairs=pairs)
    assert found.table["smd_before"].abs().max() > 0.3
    assert found.largest < 0.1
    kept = pd.concat([persons.iloc[pairs.table["treated"]], persons.iloc[pairs.table["control"]]])
    alone = propensity.balance(kept, **options).table
    np.testing.assert_allclose(found.table["mean_treated_after"], alone["mean_treated_before"])
    np.testing.assert_allclose(found.table["mean_untreated_after"], alone["mean_untreated_before"])
    np.testing.assert_allclose(found.table["variance_ratio_after"], alone["variance_ratio_before"])
    again = propensity.balance(persons, **options, pairs=pl.from_pandas(pairs.table))
    pd.testing.assert_frame_equal(found.table, again.table)


def test_balance_refuses_pairs_of_other_data(persons):
    options = {"treatment": "new", "covariates": ["age"]}
    with pytest.raises(MethodError, match="treated is not a row number"):
        propensity.balance(persons, **options, pairs={"treated": [10_000], "control": [0]})
    one = int(np.flatnonzero(persons["new"])[0])
    with pytest.raises(MethodError, match="control is not a row number"):
        propensity.balance(persons, **options, pairs={"treated": [one], "control": [one]})
    with pytest.raises(MethodError, match="give one of them"):
        propensity.balance(
            persons, **options, pairs={"treated": [one], "control": [one]}, weights=np.ones(900)
        )


I = np.arange(1, 121)  # noqa: E741 - as in the R call
MATCHED = pd.DataFrame({"t": I * 37 % 100 < 30, "x": I * 53 % 97 / 10, "b": I * 7 % 11 > 6}).assign(
    g=np.array(list("pqr"))[I * I % 3 + (I % 5 == 0)]
)


# MatchIt 4.7.2: matchit(t ~ x + b + g, d, distance = d$score, method = "nearest", ...), summary(m)
@pytest.mark.parametrize(
    ("options", "smd", "ratio"),
    [
        (
            {"ratio": 2, "caliper": 0.1},
            [
                -0.173902032741353,
                -0.543143814209120,
                0.074496808927694,
                0.167897883474070,
                -0.359255864635101,
            ],
            1.0564137831857,
        ),
        (
            {"ratio": 3, "replace": True},
            [-0.32573601313222, -0.60133779430295, 0.10691671651660, 0.38554328797749, -0.73656956373599],
            0.99909514623558,
        ),
    ],
)
def test_balance_of_pairs_is_that_of_matchit(options, smd, ratio):
    score = (I * 29 % 83 + 10 * MATCHED["t"] + 3) / 100
    if "caliper" not in options:
        options["caliper"] = None
    pairs = propensity.match(score, MATCHED["t"], scale="propensity", **options)
    found = propensity.balance(
        MATCHED, treatment="t", covariates=["x", "b", "g"], pairs=pairs, estimand="att"
    )
    table = found.table.set_index("covariate")
    assert table.index.tolist() == ["x", "b", "g=p", "g=q", "g=r"]
    before = [-0.122322420873115, -0.496342306408788, -0.054985739922822, 0.115662986393248]
    np.testing.assert_allclose(table["smd_before"].iloc[:4], before, rtol=1e-12)
    np.testing.assert_allclose(table["smd_after"], smd, rtol=1e-12)
    assert table.loc["x", "variance_ratio_before"] == pytest.approx(1.0903533850745, rel=1e-12)
    assert table.loc["x", "variance_ratio_after"] == pytest.approx(ratio, rel=1e-12)
    assert table["variance_ratio_after"].iloc[1:].isna().all()
    pooled = propensity.balance(MATCHED, treatment="t", covariates=["x"], pairs=pairs).table
    spread = [np.var(MATCHED["x"][MATCHED["t"] == arm], ddof=1) for arm in (0, 1)]
    factor = np.sqrt(spread[1] / np.mean(spread))
    assert pooled["smd_after"][0] == pytest.approx(table.loc["x", "smd_after"] * factor)
