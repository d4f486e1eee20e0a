"""Epidemiology and statistics, as functions over arrays and frames."""
