"""Rates: exact limits, comparisons, standardisation, and regression of counts and matched sets."""

from sundbench.methods.rates.comparison import Comparison, rate_difference, rate_ratio
from sundbench.methods.rates.conditional_logistic import ConditionalLogistic, conditional_logistic
from sundbench.methods.rates.incidence import Rates, incidence_rates, proportions
from sundbench.methods.rates.regression import RateModel, negative_binomial, poisson
from sundbench.methods.rates.standardisation import Standardised, indirect, standardise

__all__ = [
    "Comparison",
    "ConditionalLogistic",
    "RateModel",
    "Rates",
    "Standardised",
    "conditional_logistic",
    "incidence_rates",
    "indirect",
    "negative_binomial",
    "poisson",
    "proportions",
    "rate_difference",
    "rate_ratio",
    "standardise",
]
