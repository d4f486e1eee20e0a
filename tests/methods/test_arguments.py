import inspect
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from sundbench.errors import MethodError
from sundbench.methods import adherence, calibration, propensity, rates, self_controlled, signals, survival
from sundbench.methods.arguments import kinds_checked

ROOMS = (adherence, calibration, propensity, rates, self_controlled, signals, survival)


@kinds_checked
def method(
    data: object,
    *,
    column: str = "x",
    columns: str | Sequence[str] | None = None,
    level: float = 0.5,
    days: int | None = None,
    exact: bool = False,
    kind: Literal["a", "b"] = "a",
    bounds: tuple[float, float] = (0, 1),
) -> object:
    return data


@pytest.mark.parametrize(
    "given",
    [
        {"column": 3},
        {"columns": ["x", "y"]},
        {"columns": pd.Index([1, 2])},
        {"level": 1, "days": np.int64(3), "exact": np.bool_(True)},
        {"level": np.float32(0.1), "days": 2.0},
        {"kind": "c"},
        {"bounds": [0.1, 0.2]},
    ],
)
def test_lets_pass_what_is_of_the_declared_kind(given: dict[str, object]) -> None:
    assert method(5, **given) == 5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"column": None}, "column: None is not a name"),
        ({"columns": 10}, "columns: 10 is not a name or a list of names or None"),
        ({"columns": [None]}, "columns: this list is not a name or a list of names or None"),
        ({"level": "a"}, "level: this str is not a number"),
        ({"level": True}, "level: True is not a number"),
        ({"level": pd.Series([1, 2])}, "level: this Series is not a number"),
        ({"days": [3]}, "days: this list is not a whole number or None"),
        ({"exact": "no"}, "exact: this str is not True or False"),
        ({"exact": 1}, "exact: 1 is not True or False"),
        ({"kind": 7}, "kind: 7 is not one of a, b"),
        ({"kind": np.ones(2)}, "kind: this ndarray is not one of a, b"),
        ({"bounds": 0.3}, "bounds: 0.3 is not a list of numbers"),
    ],
)
def test_refuses_another_kind_in_one_line(given: dict[str, object], said: str) -> None:
    with pytest.raises(MethodError) as refused:
        method(5, **given)  # type: ignore[arg-type]
    assert str(refused.value) == said


def test_values_of_data_are_not_echoed() -> None:
    with pytest.raises(MethodError) as refused:
        method(5, level=pd.Series([123456]))  # type: ignore[arg-type]
    assert "123456" not in str(refused.value)


def options() -> list[object]:
    """Every argument of every public method that is a number, a choice, or True or False."""
    found: list[object] = []
    for room in ROOMS:
        for name in room.__all__:
            one = getattr(room, name)
            if inspect.isfunction(one):
                for argument, declared in inspect.signature(one).parameters.items():
                    if declared.annotation in ("int", "float", "bool", "str", "int | None", "float | None"):
                        found.append(pytest.param(one, argument, id=f"{name}-{argument}"))
    return found


@pytest.mark.parametrize(("one", "argument"), options())
@pytest.mark.parametrize("wrong", [{}, [None], np.ones((2, 2)), pd.Series([1, 2])], ids=type)
def test_every_method_refuses_options_that_are_data(
    one: Callable[..., object], argument: str, wrong: object
) -> None:
    required = {
        name: None
        for name, declared in inspect.signature(one).parameters.items()
        if declared.default is inspect.Parameter.empty
    }
    first = {argument: wrong}
    with pytest.raises(MethodError, match=r"^\w+: .* is not .*$"):
        one(**first, **{name: value for name, value in required.items() if name != argument})


def test_matching_refuses_a_ratio_of_none_and_a_caliper_of_text() -> None:
    score, arm = np.linspace(0.1, 0.9, 10), np.arange(10) % 2
    with pytest.raises(MethodError, match="ratio: None is not a whole number"):
        propensity.match(score, arm, ratio=None)  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="caliper: this str is not a number or None"):
        propensity.match(score, arm, caliper="a")  # type: ignore[arg-type]


@pytest.mark.parametrize("trim", [{}, np.array([0.1, 0.9]), ["a", "b"], True])
def test_weights_refuse_a_trim_that_is_no_score(trim: object) -> None:
    with pytest.raises(MethodError, match="trim"):
        propensity.weights(np.linspace(0.1, 0.9, 10), np.arange(10) % 2, trim=trim)  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", ["", 0])
def test_a_column_that_reads_as_false_is_looked_up(entry: object) -> None:
    data = pd.DataFrame({"t": [1.0, 2, 3, 4], "e": 1, "x": [1.0, 0, 1, 1]})
    with pytest.raises(MethodError, match="the data have no column"):
        survival.cox(data, time="t", event="e", covariates=["x"], entry=entry)  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="the data have no column"):
        rates.poisson(data, events="e", person_time=entry, covariates=["x"])  # type: ignore[arg-type]


def test_strata_of_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(MethodError, match="outside 0 to 1"):
        propensity.stratify(np.linspace(-3, 3, 10), np.arange(10) % 2)


@pytest.mark.parametrize("seed", [-1, 0.5])
def test_a_tree_scan_refuses_a_seed_that_is_none(seed: float) -> None:
    data = pd.DataFrame({"node": ["I10"], "cases": [1], "expected": [1.0]})
    with pytest.raises(MethodError, match="seed"):
        signals.tree_scan(
            data,
            node="node",
            cases="cases",
            expected="expected",
            tree="icd10",
            seed=seed,  # type: ignore[arg-type]
        )


def test_a_tree_that_is_none_is_refused() -> None:
    data = pd.DataFrame({"node": ["I10"], "cases": [1], "expected": [1.0]})
    with pytest.raises(MethodError, match="tree: use atc"):
        signals.tree_scan(data, node="node", cases="cases", expected="expected", tree=5)  # type: ignore[arg-type]


def test_a_reference_that_is_several_is_refused() -> None:
    data = pd.DataFrame({"e": [1, 2], "y": [1.0, 2], "g": ["a", "b"]})
    with pytest.raises(MethodError, match="reference: this list is not one of the values of g"):
        rates.rate_ratio(data, events="e", person_time="y", group="g", reference=["a"])


@pytest.mark.parametrize("bounds", [(), (0.3,), (0.1, 0.2, 0.3)])
def test_equipoise_refuses_other_than_two_bounds(bounds: tuple[float, ...]) -> None:
    with pytest.raises(MethodError, match="bounds"):
        propensity.equipoise(np.linspace(0.1, 0.9, 10), np.arange(10) % 2, bounds=bounds)  # type: ignore[arg-type]
