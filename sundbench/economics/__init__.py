"""Health economics: discounting, costs, cost-effectiveness."""

from sundbench.economics import cea, censored, discount
from sundbench.economics.accrual import Accrual, Medicine, care_costs, covered_until, follow_up_within
from sundbench.economics.evaluation import Evaluation, evaluate

__all__ = [
    "Accrual",
    "Evaluation",
    "Medicine",
    "care_costs",
    "cea",
    "censored",
    "covered_until",
    "discount",
    "evaluate",
    "follow_up_within",
]
