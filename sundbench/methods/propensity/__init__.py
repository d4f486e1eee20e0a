"""Propensity scores: the model, matching, weights, and whether they balance the arms."""

from sundbench.methods.propensity.balance import Balance, balance
from sundbench.methods.propensity.design import Design, design
from sundbench.methods.propensity.e_value import EValue, e_value
from sundbench.methods.propensity.effect import Effect, effect, standardised_effect
from sundbench.methods.propensity.matching import Pairs, match
from sundbench.methods.propensity.model import PropensityModel, fit
from sundbench.methods.propensity.preference import Equipoise, equipoise, preference_score
from sundbench.methods.propensity.stratifying import Strata, stratify
from sundbench.methods.propensity.weighting import effective_sample_size, optimal_trim, weights

__all__ = [
    "Balance",
    "Design",
    "EValue",
    "Effect",
    "Equipoise",
    "Pairs",
    "PropensityModel",
    "Strata",
    "balance",
    "design",
    "e_value",
    "effect",
    "effective_sample_size",
    "equipoise",
    "fit",
    "match",
    "optimal_trim",
    "preference_score",
    "standardised_effect",
    "stratify",
    "weights",
]
