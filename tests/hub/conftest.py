"""The fixtures of installation.py, for every test of the hub."""

from tests.hub.installation import platform, stand_in_platform

__all__ = ["platform", "stand_in_platform"]
