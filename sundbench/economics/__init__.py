"""Health economics: discounting, costs, cost-effectiveness."""

from sundbench.economics import cea, censored, discount
from sundbench.economics.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "cea", "censored", "discount", "evaluate"]
