"""A page that asks for nothing: read as HTML, by a list of what may ask or run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

# fmt: off
_ASKING_TAGS = frozenset([
    "animate", "applet", "audio", "base", "embed", "feimage", "foreignobject", "form", "frame", "iframe",
    "image", "img", "link", "object", "portal", "set", "source", "template", "track", "video",
])
# fmt: on
"""Elements that fetch, run or change something. A report's figures are drawings within it."""

_ADDRESSES = frozenset(
    ["href", "xlink:href", "src", "srcset", "srcdoc", "action", "formaction", "poster", "data"]
)
_LINK = re.compile(r"#|https?://|mailto:", re.IGNORECASE)
_STYLE = re.compile(r"@import|@font-face|url\(\s*['\"]?(?!#)|expression\(|\\", re.IGNORECASE)
_META = frozenset(["viewport", "referrer", "content-security-policy"])


def asking(page: str, script: str, *, leads_to: str | None = None) -> str | None:
    """What in a page asks for something outside it, or runs something; None if nothing does.

    A link that a reader may follow asks for nothing by itself.

    Args:
        page: the HTML.
        script: the one script that it may hold, and must.
        leads_to: an address without a host that a link in it may lead to.
    """
    reader = _Reader(leads_to)
    reader.feed(page)
    reader.close()
    if reader.found is None and reader.scripts != [script]:
        return "<script>"
    return reader.found


class _Reader(HTMLParser):
    """Notes the first thing that asks or runs."""

    def __init__(self, leads_to: str | None) -> None:
        super().__init__(convert_charrefs=True)
        self._leads_to = leads_to
        self.found: str | None = None
        self.scripts: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        if tag == "script":
            self.scripts.append("")
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a" and attributes.get("href") == self._leads_to:
            del attributes["href"]
        problem = next(_problems(tag, attributes), None)
        self.found = self.found or problem

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script" and self.scripts:
            self.scripts[-1] += data
        elif self._within == "style" and (found := _STYLE.search(data)):
            self.found = self.found or found.group(0)


def _problems(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    if tag in _ASKING_TAGS or (tag == "script" and attributes):
        yield f"<{tag}>"
    if tag == "meta" and "charset" not in attributes:
        says = attributes.get("name", attributes.get("http-equiv", "")).lower()
        if says not in _META or ("name" in attributes and "http-equiv" in attributes):
            yield f"<meta {says}>"
    for name, value in attributes.items():
        if name.startswith("on"):
            yield f"{name}="
        followed = name == "href" and tag == "a" and _LINK.match(value) is not None
        fetched = name in _ADDRESSES and not (value.startswith("#") or followed)
        if fetched or (name != "d" and "url(" in value.lower() and _STYLE.search(value)):
            yield f"{name}={value[:60]}"
