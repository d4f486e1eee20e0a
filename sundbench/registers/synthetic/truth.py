"""The planted truth of the oncology comparison, exactly, over both arms of every enrolled patient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sundbench.registers.synthetic.figures import DAYS_A_YEAR, Floats, figures, medicine_index, medicines
from sundbench.registers.synthetic.oncology import Patients, log_hazard

ARMS = ("standard", "new")
COMPONENTS = ("study_medicine", "study_visits", "hospital", "prescriptions", "primary_care")


def discount(days: NDArray[np.floating[Any]]) -> Floats:
    """Discount factors on days after entry: ``(1 + rate) ** -(days / 365.25)``."""
    rate = figures("oncology")["truth"]["discount_rate"]
    return np.asarray((1 + rate) ** -(days / DAYS_A_YEAR))


def _alive(patients: Patients, new: bool, days: Floats) -> Floats:
    """P(alive on a day): deaths fall on whole days, ``ceil`` of the Weibull time; one row a patient."""
    rule = figures("oncology")["survival"]
    shape = (days / rule["scale_days"]) ** rule["shape"]
    return np.asarray(np.exp(-np.exp(log_hazard(patients, new))[:, None] * shape))


def arm_totals(patients: Patients, new: bool, weight: Floats) -> dict[str, float]:
    """Expected totals over the patients if all of them were given one medicine.

    Args:
        patients: the enrolled.
        new: which arm.
        weight: weight of each patient in the totals.

    Returns:
        ``survival_<y>`` for years 1 to 3, and for each horizon ``life_years_<h>``, ``<component>_<h>``:
        sums over patients of expectations; costs in kroner, discounted.
    """
    figure = figures("oncology")
    totals = {}
    for year in (1, 2, 3):
        alive = _alive(patients, new, np.array([np.floor(year * DAYS_A_YEAR)]))[:, 0]
        totals[f"survival_{year}"] = float((weight * alive).sum())
    rates = _yearly_rates(patients, new)
    for horizon in figure["truth"]["horizons_years"]:
        end = horizon * DAYS_A_YEAR
        days = np.arange(np.ceil(end))
        by_patient = _alive(patients, new, days)
        alive = (weight[:, None] * by_patient).sum(axis=0)
        # Life-years: the discount factor integrated over each day lived, the last cut at the horizon.
        upto = np.minimum(days + 1, end)
        force = np.log1p(figure["truth"]["discount_rate"]) / DAYS_A_YEAR
        lived = (np.exp(-force * days) - np.exp(-force * upto)) / force / DAYS_A_YEAR
        totals[f"life_years_{horizon}"] = float((alive * lived).sum())
        doses = _doses(patients, new, days, weight)
        step = float(figure["treatment"]["days_between"])
        name = "pembrolizumab" if new else "carboplatin"
        when = np.arange(0, len(doses), dtype=np.float64) * step
        given = float((doses * discount(when)).sum())
        totals[f"study_medicine_{horizon}"] = given * figure["medicine"][name]["list_price"]
        totals[f"study_visits_{horizon}"] = given * figure["visit"]["visit_cost"]
        for component, rate in rates.items():
            by_day = ((weight * rate)[:, None] * by_patient).sum(axis=0)
            totals[f"{component}_{horizon}"] = float((by_day * discount(days)).sum()) / DAYS_A_YEAR
    return totals


def _doses(patients: Patients, new: bool, days: Floats, weight: Floats) -> Floats:
    """Expected doses at 0, 21, 42, ... days within the horizon, summed over patients."""
    rule = figures("oncology")["treatment"]
    when: Floats = np.arange(0, len(days), rule["days_between"], dtype=np.float64)
    number = np.arange(len(when))
    if new:
        going = np.exp(-when / rule["pembrolizumab_mean_days_to_stop"]) * (number < rule["pembrolizumab_max"])
    else:
        going = np.array([np.mean([c > k for c in rule["carboplatin_cycles"]]) for k in number])
    return np.asarray((weight[:, None] * _alive(patients, new, when)).sum(axis=0) * going)


def _yearly_rates(patients: Patients, new: bool) -> dict[str, Floats]:
    """Expected kroner a year alive, by component and patient."""
    figure = figures("oncology")
    spells, visits = figure["spells"], figure["visits"]
    each = float(np.dot(spells["tariffs"], spells["weights"]))
    often = spells["per_year_pembrolizumab" if new else "per_year_carboplatin"]
    hospital = often * np.exp(spells["comorbidity"] * patients.comorbidity) * each
    hospital = hospital + visits["per_year"] * visits["tariff"]
    drugs = figure["prescriptions"]
    price = [float(medicines()[medicine_index()[atc]]["price"]) for atc in drugs["atc"]]
    dispensed = drugs["per_year"] + drugs["per_year_comorbidity"] * patients.comorbidity
    care = figure["primary_care"]
    fees = figures("primary_care")["services"]["list"]
    fee = float(np.dot([f for _, f, _ in fees], [w for *_, w in fees]) / sum(w for *_, w in fees))
    served = care["per_year"] + care["per_year_comorbidity"] * patients.comorbidity
    return {
        "hospital": hospital,
        "prescriptions": dispensed * float(np.dot(price, drugs["weights"])),
        "primary_care": served * fee,
    }


def chunk_totals(patients: Patients) -> dict[str, float]:
    """What one chunk adds to the truth: of all, by tumour, and as an unadjusted comparison weighs them."""
    result: dict[str, float] = {"patients": len(patients.who), "new": int(patients.new.sum())}
    ones = np.ones(len(patients.who))
    groups = {
        "all": (ones, ones),
        "squamous": (ones * patients.squamous, ones * patients.squamous),
        "non_squamous": (ones * ~patients.squamous, ones * ~patients.squamous),
        "naive": (1 - patients.probability, patients.probability),
    }
    for group, weights in groups.items():
        for arm, weight in zip(ARMS, weights, strict=True):
            result[f"{group}.{arm}.weight"] = float(weight.sum())
            for name, value in arm_totals(patients, arm == "new", weight).items():
                result[f"{group}.{arm}.{name}"] = value
    if len(patients.who):
        result["propensity_min"] = float(patients.probability.min())
        result["propensity_max"] = float(patients.probability.max())
    return result


def oncology_truth(totals: dict[str, float]) -> dict[str, Any]:
    """Means, differences and ICERs from the sums of all chunks."""
    figure = figures("oncology")
    horizons = figure["truth"]["horizons_years"]
    result: dict[str, Any] = {
        "patients": int(totals["patients"]),
        "patients_new": int(totals["new"]),
        "patients_standard": int(totals["patients"] - totals["new"]),
        "propensity_range": [totals.get("propensity_min"), totals.get("propensity_max")],
    }
    for group in ("all", "non_squamous", "squamous", "naive"):
        if not totals.get(f"{group}.new.weight"):
            continue
        mean = {
            arm: {
                name.removeprefix(f"{group}.{arm}."): value / totals[f"{group}.{arm}.weight"]
                for name, value in totals.items()
                if name.startswith(f"{group}.{arm}.") and not name.endswith(".weight")
            }
            for arm in ARMS
        }
        entry: dict[str, Any] = {"arms": {}, "incremental": {}}
        for arm in ARMS:
            costs = {h: {c: mean[arm][f"{c}_{h}"] for c in COMPONENTS} for h in horizons}
            entry["arms"][arm] = {
                "survival": {str(y): mean[arm][f"survival_{y}"] for y in (1, 2, 3)},
                "life_years": {str(h): mean[arm][f"life_years_{h}"] for h in horizons},
                "cost": {str(h): {**costs[h], "total": sum(costs[h].values())} for h in horizons},
            }
        for h in map(str, horizons):
            new, standard = entry["arms"]["new"], entry["arms"]["standard"]
            gained = new["life_years"][h] - standard["life_years"][h]
            cost = {c: new["cost"][h][c] - standard["cost"][h][c] for c in (*COMPONENTS, "total")}
            entry["incremental"][h] = {
                "life_years": gained,
                "cost": cost,
                "icer": cost["total"] / gained,
            }
        result[group] = entry
    return result
