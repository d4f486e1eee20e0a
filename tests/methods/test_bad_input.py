"""What the methods refuse: each function, with each of its columns spoilt in each way.

Whatever is wrong, the answer is a ``MethodError`` of one line, without a warning before it.
"""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sundbench.errors import MethodError
from sundbench.methods import adherence, calibration, rates, signals, survival

RANDOM = np.random.default_rng(1)
PERSONS = pd.DataFrame(
    {
        "time": np.ceil(RANDOM.exponential(20, 60)) + 1,
        "event": RANDOM.integers(0, 2, 60),
        "cause": RANDOM.integers(0, 3, 60),
        "entry": 0.0,
        "x": RANDOM.normal(size=60),
        "arm": RANDOM.integers(0, 2, 60),
        "group": RANDOM.integers(0, 2, 60),
        "weight": 1.0,
        "stratum": RANDOM.integers(0, 3, 60),
        "cluster": np.arange(60),
        "offset": 0.0,
    }
)
CELLS = pd.DataFrame(
    {
        "events": RANDOM.integers(1, 20, 12),
        "persons": 100,
        "years": RANDOM.uniform(50, 100, 12),
        "age": ["young", "middle", "old"] * 4,
        "drug": ["new"] * 6 + ["old"] * 6,
        "z": RANDOM.normal(size=12),
    }
)
SETS = pd.DataFrame({"case": [1, 0, 0] * 20, "x": RANDOM.normal(size=60), "set": np.repeat(np.arange(20), 3)})
REPORTS = pd.DataFrame(
    {
        "report": RANDOM.integers(0, 80, 200),
        "drug": RANDOM.choice(list("abcd"), 200),
        "event": RANDOM.choice(list("uvwxy"), 200),
    }
)
NODES = pd.DataFrame({"node": ["C34", "I50", "J44"], "cases": [5, 3, 4], "expected": [4.0, 3.0, 5.0]})
LOOKS = pd.DataFrame({"observed": [0, 2, 6, 9], "expected": [0.5, 1.0, 1.5, 2.0]})
CONTROLS = pd.DataFrame(
    {
        "log_rr": RANDOM.normal(size=20) * 0.3,
        "se_log_rr": RANDOM.uniform(0.1, 0.4, 20),
        "true_log_rr": [0.0] * 10 + [0.4] * 10,
    }
)
NULL = calibration.fit_null(CONTROLS["log_rr"], CONTROLS["se_log_rr"])
DISPENSINGS = pd.DataFrame(
    {
        "person": np.repeat(np.arange(6), 10),
        "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.tile(np.arange(10) * 40, 6), "D"),
        "duration": RANDOM.integers(10, 90, 60),
        "dose": [1.0, 2.0] * 30,
        "medication": (["A"] * 7 + ["B"] * 3) * 6,
    }
)
BY_AGE = {"young": 0.1, "middle": 0.2, "old": 0.3}


def given(function, *positional, **keywords):
    """A call with columns of the data as arrays, by position and by name."""
    return lambda d: function(
        *(d[column] for column in positional), **{key: d[column] for key, column in keywords.items()}
    )


def asked(function, **keywords):
    """A call with the data, and the names of its columns."""
    return lambda d: function(d, **keywords)


PAIRS = {"report": "report", "drug": "drug", "event": "event"}
SUPPLY = {"person": "person", "date": "date", "duration": "duration", "follow_up_days": 300}
RATE = {"events": "events", "person_time": "years"}

CALLS = {
    # name: the data; the call; its columns of numbers; its columns of labels
    "kaplan_meier": (
        PERSONS,
        given(survival.kaplan_meier, "time", "event", entry="entry", weights="weight", group="group"),
        ["time", "event", "entry", "weight"],
        ["group"],
    ),
    "aalen_johansen": (
        PERSONS,
        given(survival.aalen_johansen, "time", "cause", entry="entry", weights="weight", group="group"),
        ["time", "cause", "entry", "weight"],
        ["group"],
    ),
    "log_rank": (
        PERSONS,
        given(survival.log_rank, "time", "event", "group", entry="entry", strata="stratum"),
        ["time", "event", "entry"],
        ["group", "stratum"],
    ),
    "gray_test": (
        PERSONS,
        given(survival.gray_test, "time", "cause", "group"),
        ["time", "cause"],
        ["group"],
    ),
    "rmst": (
        PERSONS,
        lambda d: survival.rmst(d["time"], d["event"], d["group"], tau=10),
        ["time", "event"],
        ["group"],
    ),
    "rmst_regression": (
        PERSONS,
        asked(survival.rmst_regression, time="time", event="event", arm="arm", covariates=["x"], tau=10),
        ["time", "event", "arm"],
        ["x"],
    ),
    "cox": (
        PERSONS,
        asked(
            survival.cox,
            time="time",
            event="event",
            covariates=["x", "arm"],
            entry="entry",
            strata="stratum",
            weights="weight",
            cluster="cluster",
            offset="offset",
        ),
        ["time", "event", "entry", "weight", "offset"],
        ["x", "stratum", "cluster"],
    ),
    "fine_gray": (
        PERSONS,
        asked(survival.fine_gray, time="time", cause="cause", covariates=["x", "arm"], cluster="cluster"),
        ["time", "cause"],
        ["x", "cluster"],
    ),
    "incidence_rates": (
        CELLS,
        asked(rates.incidence_rates, **RATE, by="drug"),
        ["events", "years"],
        ["drug"],
    ),
    "proportions": (
        CELLS,
        asked(rates.proportions, events="events", persons="persons", by="drug"),
        ["events", "persons"],
        ["drug"],
    ),
    "rate_ratio": (
        CELLS,
        asked(rates.rate_ratio, **RATE, group="drug", reference="old"),
        ["events", "years"],
        ["drug"],
    ),
    "rate_difference": (
        CELLS,
        asked(rates.rate_difference, **RATE, group="drug", reference="old"),
        ["events", "years"],
        ["drug"],
    ),
    "standardise": (
        CELLS,
        asked(rates.standardise, **RATE, by="age", standard=BY_AGE),
        ["events", "years"],
        ["age"],
    ),
    "indirect": (
        CELLS,
        asked(rates.indirect, **RATE, by="age", reference_rates=BY_AGE),
        ["events", "years"],
        ["age"],
    ),
    "poisson": (CELLS, asked(rates.poisson, **RATE, covariates=["z"]), ["events", "years"], ["z"]),
    "negative_binomial": (
        CELLS,
        asked(rates.negative_binomial, **RATE, covariates=["z"]),
        ["events", "years"],
        ["z"],
    ),
    "conditional_logistic": (
        SETS,
        asked(rates.conditional_logistic, outcome="case", covariates=["x"], strata="set"),
        ["case"],
        ["x", "set"],
    ),
    "disproportionality": (
        REPORTS,
        asked(signals.disproportionality, **PAIRS, method="ic"),
        [],
        ["report", "drug", "event"],
    ),
    "tree_scan": (
        NODES,
        asked(signals.tree_scan, node="node", cases="cases", expected="expected", tree="icd10", replicates=9),
        ["cases", "expected"],
        ["node"],
    ),
    "max_sprt": (
        LOOKS,
        lambda d: signals.max_sprt(d["observed"], d["expected"], upper_limit=5),
        ["observed", "expected"],
        [],
    ),
    "fit_null": (
        CONTROLS,
        given(calibration.fit_null, "log_rr", "se_log_rr"),
        ["log_rr", "se_log_rr"],
        [],
    ),
    "fit_error_model": (
        CONTROLS,
        given(calibration.fit_error_model, "log_rr", "se_log_rr", "true_log_rr"),
        ["log_rr", "se_log_rr", "true_log_rr"],
        [],
    ),
    "calibrate": (
        CONTROLS,
        lambda d: calibration.calibrate(d["log_rr"], d["se_log_rr"], NULL),
        ["log_rr", "se_log_rr"],
        [],
    ),
    "cma": (
        DISPENSINGS,
        asked(adherence.cma, **SUPPLY, dose="dose", medication="medication", kind=7),
        ["duration", "dose"],
        ["person", "date", "medication"],
    ),
    "episodes": (
        DISPENSINGS,
        asked(adherence.episodes, **SUPPLY, gap_days=30),
        ["duration"],
        ["person", "date"],
    ),
    "persistence": (
        DISPENSINGS,
        asked(adherence.persistence, **SUPPLY, gap_days=30),
        ["duration"],
        ["person", "date"],
    ),
    "switching": (
        DISPENSINGS,
        asked(adherence.switching, **SUPPLY, medication="medication", gap_days=30),
        ["duration"],
        ["person", "date", "medication"],
    ),
}
NUMBERS = [(name, column) for name, (_, _, columns, _) in CALLS.items() for column in columns]
COLUMNS = NUMBERS + [(name, column) for name, (_, _, _, columns) in CALLS.items() for column in columns]

ARRAYS = {
    "kaplan_meier",
    "aalen_johansen",
    "log_rank",
    "gray_test",
    "rmst",
    "max_sprt",
    "fit_null",
    "fit_error_model",
    "calibrate",
}
BY_NAME = [pair for pair in COLUMNS if pair[0] not in ARRAYS]


def refused(name, data):
    with pytest.raises(MethodError) as error:
        CALLS[name][1](data)
    assert "\n" not in str(error.value)
    assert str(error.value).strip()


def first(data, column, value):
    """The data with another first value in a column."""
    spoilt = data[column].astype(object)
    spoilt.iloc[0] = value
    return data.assign(**{column: spoilt})


pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("name", CALLS)
def test_the_data_are_good_before_they_are_spoilt(name):
    data, call, _, _ = CALLS[name]
    assert call(data) is not None


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT], ids=["None", "NaN", "NA", "NaT"])
@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_missing_values(name, column, value):
    refused(name, first(CALLS[name][0], column, value))


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_missing_values_of_polars(name, column):
    data = pl.from_pandas(CALLS[name][0])
    null = pl.when(pl.int_range(pl.len()) > 0).then(pl.col(column)).alias(column)
    refused(name, data.with_columns(null))


@pytest.mark.parametrize("value", ["abc", "1", float("inf"), 1e300], ids=repr)
@pytest.mark.parametrize(("name", "column"), NUMBERS)
def test_values_that_are_no_numbers_or_too_large(name, column, value):
    refused(name, first(CALLS[name][0], column, value))


@pytest.mark.parametrize(
    ("name", "column"),
    [pair for pair in NUMBERS if pair[1] in {"event", "cause", "case", "events", "cases", "log_rr"}],
)
def test_counts_and_codes_that_are_too_large(name, column):
    refused(name, first(CALLS[name][0], column, 10**30))


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_values_that_are_no_single_values(name, column):
    refused(name, first(CALLS[name][0], column, [1, 2]))


@pytest.mark.parametrize(("name", "column"), NUMBERS)
def test_text_that_reads_as_numbers(name, column):
    data = CALLS[name][0]
    refused(name, data.assign(**{column: data[column].astype(str)}))


@pytest.mark.parametrize(("name", "column"), NUMBERS)
def test_dates_for_numbers(name, column):
    refused(name, CALLS[name][0].assign(**{column: pd.Timestamp("2020-01-01")}))


@pytest.mark.parametrize(
    ("name", "column"), [pair for pair in NUMBERS if pair[1] not in {"offset", "log_rr", "true_log_rr"}]
)
def test_negative_values(name, column):
    refused(name, first(CALLS[name][0], column, -1))


COUNTS = {"drug": ["a"], "event": ["b"], "count": [5], "drug_total": [10], "event_total": [20]}
BY_COUNT = {name: name for name in COUNTS}
COX = {"time": "time", "event": "event", "covariates": ["x"]}
FINE_GRAY = {"time": "time", "cause": "cause", "covariates": ["x"]}
TIME, ARM = PERSONS["time"], PERSONS["arm"]
FAR = {"x": [-1e5, 1e5]}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: survival.fine_gray(PERSONS, time="time", cause="cause", covariates=["x"], of_interest=0),
            "0 is",
        ),
        (
            lambda: survival.gray_test(PERSONS["time"], PERSONS["cause"], PERSONS["group"], of_interest=0),
            "0 is",
        ),
        (
            lambda: survival.log_rank(PERSONS["time"], PERSONS["event"], PERSONS["group"], rho=np.inf),
            "rho inf",
        ),
        (lambda: survival.kaplan_meier(TIME, PERSONS["event"], conf_level="0.95"), "conf_level"),
        (lambda: survival.cox(PERSONS, **COX).predict(FAR, [3]), "hazards overflow"),
        (
            lambda: survival.cox(PERSONS, **COX).predict({"x": ["a"]}, [3]),
            "covariate x: these are not numbers",
        ),
        (lambda: survival.cox([1, 2], **COX), "data of type list"),
        (lambda: signals.disproportionality(COUNTS, **BY_COUNT, total=float("nan")), "total: 1 of 1 values"),
    ],
)
def test_arguments_that_would_give_silent_numbers(call, says):
    with pytest.raises(MethodError, match=says):
        call()


@pytest.mark.parametrize("name", CALLS)
def test_no_rows(name):
    refused(name, CALLS[name][0].iloc[:0])


@pytest.mark.parametrize(("name", "column"), BY_NAME)
def test_columns_that_are_not_there_or_there_twice(name, column):
    data = CALLS[name][0]
    refused(name, data.drop(columns=column))
    refused(name, pd.concat((data, data[[column]]), axis=1))


@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, dict], ids=["polars", "arrow", "dict"]
)
@pytest.mark.parametrize("name", CALLS)
def test_any_kind_of_data_gives_the_same(name, make):
    data, call, _, _ = CALLS[name]
    one, other = call(data), call(make(data))
    if hasattr(one, "table"):
        pd.testing.assert_frame_equal(one.table, other.table)


@pytest.mark.parametrize(
    "name", ["kaplan_meier", "log_rank", "cox", "incidence_rates", "conditional_logistic"]
)
def test_decimals_and_whole_numbers_with_a_mask_are_numbers(name):
    data, call, columns, _ = CALLS[name]
    column = columns[-1]
    masked = data.assign(**{column: pd.array(data[column], dtype="Float64")})
    exact = data.assign(**{column: [Decimal(repr(float(value))) for value in data[column]]})
    for same in (masked, exact):
        pd.testing.assert_frame_equal(call(same).table, call(data).table, check_dtype=False)
