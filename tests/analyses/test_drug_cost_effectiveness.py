"""The study of what a life-year gained costs, on patients whose truth is known."""

import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.errors import MethodError, StudyError

STUDY = "drug_cost_effectiveness"
OUTPUTS = {
    "attrition",
    "baseline",
    "balance",
    "love_plot",
    "survival",
    "survival_curve",
    "restricted_mean",
    "icer",
    "costs",
    "plane",
    "cost_effectiveness_plane",
    "acceptability",
    "acceptability_curve",
    "subgroup",
    "sensitivity",
}


@pytest.fixture(scope="module")
def people(patients):
    return patients(900, 3)


@pytest.fixture(scope="module")
def ran(people, extract, run):
    return run(STUDY, extract(people), bootstrap_replicates=400)


def difference(table, quantity):
    if "arm" in table:
        table = table[table["arm"] == "difference"]
    return table.set_index("quantity").loc[quantity]


def test_every_output_is_there_and_may_leave(ran):
    assert {path.stem for path in ran.outbox.glob("*.json")} == OUTPUTS
    blocking = [finding for finding in check(ran.outbox, profile("default")) if finding.blocks]
    assert blocking == []


def test_the_truth_lies_in_the_interval_and_the_unadjusted_estimate_is_off(ran, people, truth):
    cost, life_years = truth(people)
    icer = ran.output("icer")
    for quantity, value in (
        ("total cost", cost),
        ("life-years", life_years),
        ("cost per life-year", cost / life_years),
    ):
        row = difference(icer, quantity)
        assert row["lower"] < value < row["upper"], quantity
    sensitivity = ran.output("sensitivity")
    naive = difference(sensitivity[sensitivity["analysis"] == "not adjusted"], "life-years")
    assert naive["lower"] > life_years


def test_the_arms_are_alike_after_weighting_and_were_not_before(ran):
    balance = ran.output("balance")
    assert balance["smd_before"].abs().max() > 0.3
    assert balance["smd_after"].abs().max() < 0.1


def test_flow_chart_and_baseline_count_the_same_persons(ran, people):
    attrition, baseline = ran.output("attrition"), ran.output("baseline")
    everybody = baseline.loc[baseline["characteristic"] == "persons", "persons"].sum()
    assert attrition["persons"].iloc[-1] == everybody
    assert everybody <= len(people)


def test_no_krone_of_medicine_counts_twice(ran):
    costs = ran.output("costs").pivot(index="component", columns="arm", values="mean_cost")
    # The patients were invented with no other hospital care than stays of 42,000 kroner every 120 days.
    assert costs.loc["hospital"].max() < 42_000 * 10
    parts = costs.drop(index="total cost").sum()
    assert parts.to_dict() == pytest.approx(costs.loc["total cost"].to_dict())
    icer = ran.output("icer")
    total = icer[(icer["quantity"] == "total cost") & (icer["arm"] == "pembrolizumab")]["estimate"].item()
    assert costs.loc["total cost", "pembrolizumab"] == pytest.approx(total)


def test_subgroups_differ_as_they_were_made_to(ran):
    subgroup = ran.output("subgroup")
    assert set(subgroup["morphology"]) == {"squamous", "other"}


def test_an_arm_with_nobody_in_it_is_one_clear_line(people, extract, run):
    with pytest.raises(MethodError, match="nobody starts pembrolizumab"):
        run(STUDY, extract(people[people["new"] == 0]))


def test_nobody_at_all_is_one_clear_line(people, extract, run):
    with pytest.raises(StudyError, match="nobody is left"):
        run(STUDY, extract(people), entry_from="2024-06-01", entry_until="2024-06-30")
