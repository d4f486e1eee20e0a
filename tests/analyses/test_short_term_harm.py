"""The study of short-term harm, on persons whose truth is known: three times as often on days 1 to 30."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.errors import MethodError

STUDY = "short_term_harm"
TRUTH = 3.0
OUTPUTS = {
    "attrition",
    "flow_chart",
    "baseline",
    "balance",
    "love_plot",
    "relative_incidence",
    "relative_incidence_chart",
    "excess",
    "cumulative_incidence",
    "cumulative_incidence_chart",
    "naive",
    "diagnostics",
    "sensitivity",
    "sensitivity_forest",
    "record_pe",
}
BEGIN, END = pd.Timestamp("2010-01-01"), pd.Timestamp("2024-12-31")
DAYS = (END - BEGIN).days + 1


def registers(n: int, seed: int) -> tuple[dict[str, pl.DataFrame], float]:
    """Persons of whom a fifth is frail: they get the medicine five times and the harm 2.5 times as often.

    The harm comes three times as often on days 1 to 30 after each dispensing, and less often with age.

    Returns:
        The registers, and how many harms 100,000 first dispensings are expected to cause.
    """
    draw = np.random.default_rng(seed)
    person = draw.choice(2**31 - 2, n, replace=False) + 1
    born = BEGIN - pd.to_timedelta(draw.integers(30 * 365, 75 * 365, n), "D")
    frail = draw.random(n) < 0.2
    age = (BEGIN - born).days.to_numpy() / 365.25
    last = np.minimum(draw.exponential(40 * 365.25 * np.exp(-0.05 * (age - 50))).astype(int) + 1, DAYS)
    died = last < DAYS

    courses = draw.poisson(np.where(frail, 0.10, 0.02) * last / 365.25)
    who = np.repeat(np.arange(n), courses)
    dispensed = np.floor(draw.random(len(who)) * last[who]).astype(int)
    rate = 0.010 * np.where(frail, 2.5, 1.0) * np.exp(-0.02 * (age - 50)) / 365.25
    hurt = np.repeat(np.arange(n), draw.poisson(rate * last))
    on = np.floor(draw.random(len(hurt)) * last[hurt]).astype(int)
    caused = np.repeat(np.arange(len(who)), draw.poisson((TRUTH - 1) * 30 * rate[who]))
    after = dispensed[caused] + draw.integers(1, 31, len(caused))
    kept = after < last[who[caused]]
    hurt = np.concatenate([hurt, who[caused][kept]])
    on = np.concatenate([on, after[kept]])

    treated = np.unique(who)
    planted = 1e5 * (TRUTH - 1) * 30 * rate[treated].mean()

    years = pd.date_range("2009-12-31", END, freq="YE")
    snapshot = np.tile(years, n)
    of = np.repeat(np.arange(n), len(years))
    alive = snapshot < (BEGIN + pd.to_timedelta(last[of], "D"))

    def table(who: np.ndarray, **columns: object) -> pl.DataFrame:
        return pl.from_pandas(pd.DataFrame({"person": person[who].astype(np.int32), **columns}))

    def day(number: np.ndarray) -> pd.DatetimeIndex:
        return BEGIN + pd.to_timedelta(number, "D")

    tables = {
        "bef": table(
            of[alive],
            referencetid=snapshot[alive],
            koen=np.where(of[alive] % 2 == 0, "1", "2"),
            foed_dato=born[of[alive]],
            reg="84",
        ),
        "dod": table(np.flatnonzero(died), doddato=day(last[died])),
        "vnds": table(np.array([0]), haend_dato=[pd.Timestamp("1990-01-01")], indud_kode="I"),
        "lmdb": table(who, eksd=day(dispensed), atc="J01MA02", vnr="1", apk=1.0),
        "lpr3a_diagnose": table(
            hurt,
            kont_starttidspunkt=day(on),
            diag_kode="DS860",
            diag_type="A",
            senere_afkraeftet="nej",
            lprindberetningssystem="LPR3",
        ),
    }
    return tables, planted


GIVEN = {"observed_from": "2010-01-01", "observed_until": "2024-12-31"}


@pytest.fixture(scope="module")
def drawn():
    return registers(30_000, 1)


@pytest.fixture(scope="module")
def people(write_extract, drawn):
    return write_extract(drawn[0], since="2006-01-01")


@pytest.fixture(scope="module")
def ran(people, run):
    return run(STUDY, people, **GIVEN)


def test_every_output_is_there_and_may_leave(ran):
    assert {path.stem for path in ran.outbox.glob("*.json")} == OUTPUTS
    blocking = [finding.line for finding in check(ran.outbox, profile("default")) if finding.blocks]
    assert blocking == []


def test_the_truth_lies_in_the_interval_and_the_naive_estimates_are_off(ran):
    found = ran.output("relative_incidence").set_index("window")
    for window in ("first, days 1-30", "later, days 1-30"):
        assert found.loc[window, "lower"] < TRUTH < found.loc[window, "upper"], window
    for _, row in ran.output("naive").iterrows():
        assert not row["lower"] < TRUTH < row["upper"], row["comparison"]


def test_nothing_happens_in_the_other_windows(ran):
    found = ran.output("relative_incidence").set_index("window")
    others = found[~found.index.str.endswith("days 1-30")]
    assert len(others) >= 4
    assert ((others["lower"] < 1) & (others["upper"] > 1)).sum() >= len(others) - 1  # one in twenty may miss


def test_the_answer_holds_under_other_choices_but_for_those_that_dilute_it(ran):
    found = ran.output("sensitivity").set_index("analysis")
    assert set(found.index) == {*ran.names["settings"], "dispensing after the event left out"}
    for analysis in found.index.difference(["window twice as long"]):
        assert found.loc[analysis, "lower"] < TRUTH < found.loc[analysis, "upper"], analysis
    assert found.loc["window twice as long", "rr"] < found.loc["main analysis", "rr"]


def test_what_the_design_supposes_holds_in_persons_who_were_made_so(ran):
    found = ran.output("diagnostics").set_index("diagnostic")
    assert set(found.index) == {"before exposure", "end of observation", "stable over time", "rare event"}
    assert (found["passed"] == "yes").all()


def test_the_excess_holds_what_was_planted(ran, drawn):
    excess = ran.output("excess").set_index("quantity")
    window = ran.output("relative_incidence").set_index("window").loc["first, days 1-30"]
    anyway = window["events"] / window["rr"]
    for name, ratio in (("estimate", "rr"), ("lower", "lower"), ("upper", "upper")):
        assert excess.loc["events caused", name] == pytest.approx(anyway * (window[ratio] - 1))
    per_treated = excess.loc["events caused per 100,000 treated"]
    assert per_treated["lower"] < drawn[1] < per_treated["upper"]


def test_flow_chart_ends_with_the_exposed_cases(ran):
    attrition = ran.output("attrition")
    cases, dispensed = (set(ran.names[name]["person"]) for name in ("cases", "dispensed"))
    assert attrition["persons"].to_list()[-2:] == [len(cases), len(cases & dispensed)]


def test_the_checklist_tells_of_a_case_series(ran):
    found = ran.output("record_pe").set_index("item")["en"]
    assert found["1a"] == "Self-controlled case series."
    assert "Exposures: dispensing." in found["7"]


def test_what_cannot_be_studied_is_one_clear_line(people, run):
    with pytest.raises(MethodError, match="nobody has DS999 in the period"):
        run(STUDY, people, **GIVEN, outcome_codes="DS999")
    with pytest.raises(MethodError, match="no case was ever dispensed A10"):
        run(STUDY, people, **GIVEN, drug="A10")
    with pytest.raises(MethodError, match="a window ends before it begins"):
        run(STUDY, people, **GIVEN, risk_windows="30-1")
