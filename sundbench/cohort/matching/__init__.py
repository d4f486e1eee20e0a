"""Cohorts of sets: whom a case is compared with is found over all buckets, between two passes.

Pass one gives each bucket's cases and a small frame of those who might be found (``pools``). The driver finds
them (``risk_sets``, ``exposure_sets``, ``relatives``), and pass two runs the study over those found, again
until nobody is short (``rounds``).
"""
