"""The fixtures of installation.py, for every test of the hub."""

from tests.hub.installation import stand_in_platform

__all__ = ["stand_in_platform"]
