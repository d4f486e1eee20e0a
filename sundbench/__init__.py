"""Sundbench: a national analysis workbench for Danish health registers."""
