"""Phenotypes: who has a condition and since when, by published rules that are data (docs/phenotypes.md)."""

from sundbench.cohort.phenotypes.phenotype import Phenotype, phenotype

__all__ = ["Phenotype", "phenotype"]
