"""A study protocol in words: as text and, in notebooks, as a page with both languages."""

from sundbench.cohort.protocol.page import page
from sundbench.cohort.protocol.text import text

__all__ = ["page", "text"]
