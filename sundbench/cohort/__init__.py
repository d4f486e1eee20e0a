"""Cohorts: events, windows and study populations, and the engine that runs them over person buckets."""
