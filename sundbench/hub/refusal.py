"""What a user of the hub is told when something is refused: in Danish and English, without a traceback."""

from __future__ import annotations

from html import escape

from sundbench.errors import HubError


class Refused(HubError):  # noqa: N818 - a refusal is no fault
    """A request that the hub doesn't grant, in words for the one who made it.

    Attributes:
        reason: a short code, for the audit log and for tests.
        da, en: what is wrong, and what to do.
        status: the HTTP status that goes with it.
    """

    def __init__(self, reason: str, *, da: str, en: str, status: int = 403) -> None:
        super().__init__(en)
        self.reason = reason
        self.da = da
        self.en = en
        self.status = status

    @property
    def html(self) -> str:
        """Both languages, each in an element of its own, for a page that shows one of them."""
        return both(self.da, self.en)


def both(da: str, en: str) -> str:
    """A text in two languages as HTML; the page's style shows the one that was chosen."""
    return f'<span lang="da">{escape(da)}</span><span lang="en">{escape(en)}</span>'
