"""Rules on figures: a drawing shows what its table holds, and nothing else is in the file.

A figure can hide a table: a point a person, text outside the picture, a picture within the picture, a
comment. So the file is read as XML, by a list of what may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = ("href", "{http://www.w3.org/1999/xlink}href")

# fmt: off
_ELEMENTS = frozenset([
    "svg", "g", "defs", "style", "path", "use", "rect", "line", "polyline", "polygon", "circle",
    "ellipse", "text", "tspan", "title", "desc", "clipPath", "pattern",
])
# fmt: on
# fmt: off
_ATTRIBUTES = frozenset([
    "id", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "width",
    "height", "points", "transform", "viewBox", "version", "style", "class", "type", "clip-path",
    "clip-rule", "fill", "fill-rule", "fill-opacity", "stroke", "stroke-width", "stroke-linejoin",
    "stroke-linecap", "stroke-dasharray", "stroke-dashoffset", "stroke-opacity",
    "stroke-miterlimit", "opacity", "patternUnits", "role", "preserveAspectRatio", "font-size",
    "font-family", "font-weight", "text-anchor",
])
# fmt: on
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|@import|expression|javascript:|data:|https?:", re.IGNORECASE)
_POINT = re.compile(r"[MLHVCSQTAmlhvcsqta]")
_ID = re.compile(r"^[A-Za-z_][A-Za-z0-9_.:-]{0,80}$")

_FURNITURE = re.compile(r"^(matplotlib\.axis_\d+|text_\d+|legend_\d+)$")
"""Groups that matplotlib draws around the data: axes with ticks, texts, legends."""

_AXES = re.compile(r"^axes_\d+$")
_PER_AXES = 80
"""Points that one set of axes may take for its frame, reference lines and the like."""
_PER_FURNITURE = 400
"""Points (not letters) that one axis or legend may take: ticks, grid lines, keys."""
_TEXT = 3000
"""Letters in a figure."""


def foreign(output: Emitted, rows: int, values: int) -> Iterator[Finding]:
    """What a drawing holds that its table does not, or that no drawing needs.

    Args:
        output: the figure.
        rows: rows of the table that it is drawn from.
        values: value columns of that table.
    """
    remedy = "draw it with matplotlib from the table's values, and write it with outputs().figure"
    for rule in _problems(output.drawing, rows, values):
        yield Finding(output.card.name, "", rule, remedy)


def _problems(drawing: bytes, rows: int, values: int) -> Iterator[str]:
    if re.search(rb"<!|<\?", drawing):
        yield "holds a comment, a declaration or an instruction"
        return
    try:
        # Without a document type there are no entities, which is all that is unsafe about this parser.
        root = ET.fromstring(drawing)  # noqa: S314
    except ET.ParseError:
        yield "is no SVG"
        return
    seen: set[str] = set()
    for element in root.iter():
        seen |= set(_element(element))
    yield from sorted(seen)
    letters, data, furniture, axes = _count(root)
    most = 4 * rows * (values + 1) + _PER_AXES * max(axes, 1)
    if data > most:
        yield f"has {data} points, and the {rows} rows that it is drawn from explain at most {most}"
    if furniture > _PER_FURNITURE:
        yield f"has {furniture} points in one axis or legend, where {_PER_FURNITURE} are plenty"
    if letters > _TEXT:
        yield f"has {letters} letters, where {_TEXT} are plenty"


def _element(element: ET.Element) -> Iterator[str]:
    name = element.tag.removeprefix(_SVG)
    if name not in _ELEMENTS:
        yield f"holds <{name[:40]}>, which may carry other content"
    for key, value in element.attrib.items():
        if key in _HREF:
            if not value.startswith("#"):
                yield "refers to something outside the file"
        elif key not in _ATTRIBUTES:
            yield f"holds the attribute {key[:40]}, which no drawing needs"
        elif key == "id" and not _ID.match(value):
            yield "has an id that is no name"
        elif _OUTSIDE.search(value):
            yield "refers to something outside the file"
    text = (element.text or "").strip()
    if name == "style" and (_OUTSIDE.search(text) or len(text) > 500):
        yield "has a style sheet that refers outside the file or is too long"
    elif text and name not in {"style", "text", "tspan", "title", "desc"}:
        yield f"holds text within <{name}>"
    if (element.tail or "").strip() and name != "tspan":
        yield f"holds text after <{name}>"


def _count(root: ET.Element) -> tuple[int, int, int, int]:
    """Letters; points of data; points of the busiest axis or legend; sets of axes."""
    glyphs = {
        element.get("id", "")
        for element in root.iter(f"{_SVG}path")
        if re.match(r"^[A-Za-z0-9-]+-[0-9a-f]+$", element.get("id", "")) and element.get("transform")
    }
    totals = {"letters": 0, "data": 0, "furniture": 0, "axes": 0}

    def walk(element: ET.Element, within: list[int] | None) -> None:
        name = element.tag.removeprefix(_SVG)
        identifier = element.get("id", "")
        if name == "defs":
            return
        outermost = within is None and _FURNITURE.match(identifier) is not None
        if outermost:
            within = [0]
        totals["axes"] += bool(_AXES.match(identifier))
        if name in {"text", "tspan", "title", "desc"}:
            totals["letters"] += len(element.text or "")
        elif within is not None and name == "use" and _target(element) in glyphs:
            totals["letters"] += 1
        else:
            points = _points(name, element)
            if within is None:
                totals["data"] += points
            else:
                within[0] += points
        for child in element:
            walk(child, within)
        if outermost and within is not None:
            totals["furniture"] = max(totals["furniture"], within[0])

    walk(root, None)
    return totals["letters"], totals["data"], totals["furniture"], totals["axes"]


def _target(element: ET.Element) -> str:
    return element.get(_HREF[1], element.get(_HREF[0], "")).removeprefix("#")


def _points(name: str, element: ET.Element) -> int:
    if name == "path":
        # A relative or implicit command repeats without its letter: pairs of numbers count as well.
        path = element.get("d", "")
        numbers = len(re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", path, re.IGNORECASE))
        a_point = 6 if re.search("[CcSsQqTtAa]", path) else 2
        return max(len(_POINT.findall(path)), numbers // a_point)
    if name in {"polyline", "polygon"}:
        return len(element.get("points", "").replace(",", " ").split()) // 2
    if name == "line":
        return 2
    return 1 if name in {"use", "rect", "circle", "ellipse"} else 0
