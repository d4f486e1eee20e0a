"""Copies of an installation: made each night, tried each month, brought back when all is lost."""
