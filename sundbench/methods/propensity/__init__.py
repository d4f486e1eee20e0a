"""Propensity scores: the model, matching, weights, and whether they balance the arms."""

from sundbench.methods.propensity.balance import Balance, balance
from sundbench.methods.propensity.design import Design, design
from sundbench.methods.propensity.effect import Effect, effect, standardised_effect
from sundbench.methods.propensity.matching import Pairs, match
from sundbench.methods.propensity.model import PropensityModel, fit
from sundbench.methods.propensity.weighting import effective_sample_size, weights

__all__ = [
    "Balance",
    "Design",
    "Effect",
    "Pairs",
    "PropensityModel",
    "balance",
    "design",
    "effect",
    "effective_sample_size",
    "fit",
    "match",
    "standardised_effect",
    "weights",
]
