"""truth.json: what was planted, with every parameter and what follows from it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from sundbench.registers.synthetic.figures import figures
from sundbench.registers.synthetic.plan import Plan
from sundbench.registers.synthetic.truth import oncology_truth


def truth(
    plan: Plan, totals: dict[str, float], counts: dict[str, float], rows: dict[str, int]
) -> dict[str, Any]:
    """What truth.json holds."""
    comparisons = figures("comparisons")
    oncology = figures("oncology")
    planted: dict[str, Any] = {}
    for name, rule in comparisons.items():
        if not isinstance(rule, dict) or "outcomes" not in rule:
            continue
        planted[name] = {
            "new": rule["new"],
            "standard": rule["standard"],
            "hazard_ratios": {outcome: table["hazard_ratio"] for outcome, table in rule["outcomes"].items()},
            "counts": {
                key.removeprefix(f"{name}."): int(value)
                for key, value in counts.items()
                if key.startswith(f"{name}.")
            },
            "parameters": rule,
        }
    harm = comparisons["tendon_rupture"]
    enrolment, fibrillation = oncology["enrolment"], comparisons["anticoagulants"]
    return {
        "warning": (
            f"Invented persons. Lung cancer is {enrolment['enrichment']:g} times as frequent as in Denmark "
            f"from {enrolment['enriched_from']} on, atrial fibrillation {fibrillation['enrichment']:g} times "
            f"from {fibrillation['enriched_from']} on, tendon rupture {harm['enrichment']} times, "
            f"ciprofloxacin {harm['course_enrichment']} times: "
            "their frequencies here say nothing about Denmark."
        ),
        "synthesis": {
            "persons": plan.persons,
            "years": [plan.first, plan.last],
            "seed": plan.seed,
            "version": version("sundbench"),
            "documentation": "docs/synthetic.md",
        },
        "rows": dict(sorted(rows.items())),
        "refused": {
            kind: {
                key.removeprefix(f"{kind}."): int(value)
                for key, value in counts.items()
                if key.startswith(f"{kind}.")
            }
            for kind in ("malformed", "orphans")
        },
        "oncology": {**oncology_truth(totals), "parameters": oncology},
        "comparisons": planted,
        "comorbidities": comparisons["comorbidities"],
        "rare_harm": {
            "drug": harm["drug"],
            "outcome": harm["icd10"],
            "risk_days": harm["risk_days"],
            "rate_ratio": harm["rate_ratio"],
            "counts": {
                key.removeprefix("tendon_rupture."): int(value)
                for key, value in counts.items()
                if key.startswith("tendon_rupture.")
            },
            "parameters": harm,
        },
    }
