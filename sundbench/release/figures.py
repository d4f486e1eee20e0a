"""Figures on their way out: SVG of paths alone, the same bytes every time."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ASIDE = re.compile(rb"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<metadata>.*?</metadata>\s*|<!--.*?-->\s*", re.DOTALL)
"""What matplotlib writes around the drawing: nothing of it is needed, and some of it differs by version."""


def svg(figure: Figure, salt: str) -> bytes:
    """Draw a figure as SVG.

    Text becomes paths, so that no font is needed to show it; identifiers come from ``salt`` and content.

    Args:
        figure: the matplotlib figure.
        salt: makes the identifiers of two figures differ; the output's name.
    """
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path", "svg.image_inline": True}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    return _ASIDE.sub(b"", buffer.getvalue())
