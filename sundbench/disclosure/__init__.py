"""Disclosure control: what may leave a project."""
