"""The browser of the walks."""

from tests.hub.browser.conftest import chromium, door, outside

__all__ = ["chromium", "door", "outside"]
