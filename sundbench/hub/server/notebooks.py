"""What a notebook keeps when it is saved.

The results of register data live in the browser's view alone: a saved notebook is code and text, which
members share, keep under git, and may carry elsewhere. A notebook over synthetic data keeps its results.
"""

from __future__ import annotations

import re
from typing import Any

from sundbench.hub.broker.offers import SYNTHETIC

_VERSION = re.compile(r"\d(\.\d{1,2}){1,2}")
_LANGUAGES: tuple[dict[str, Any], ...] = (
    {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": 3},
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
    {
        "name": "R",
        "file_extension": ".r",
        "mimetype": "text/x-r-source",
        "codemirror_mode": "r",
        "pygments_lexer": "r",
    },
)
"""What the kernels say of their languages, but for the version."""

_PICTURE = re.compile(
    r"data:[^\s,;]{0,80}(?:;[^\s,;]{1,80}){0,5};base64,[\w+/=%-]*(?:\s+[\w+/=-]{40,})*",
    re.IGNORECASE | re.ASCII,
)
"""Content within an address; a writer of text has no use for it but to show what something was."""

_NOTEBOOK_METADATA = frozenset({"authors", "kernelspec", "language_info", "papermill", "sundbench", "title"})
_CELL_METADATA = frozenset({"collapsed", "deletable", "editable", "jupyter", "name", "slideshow", "tags"})


def keeps_results(notebook: dict[str, Any]) -> bool:
    """Whether a notebook says that its kernel is the synthetic data's; one that says nothing doesn't."""
    kernel = notebook.get("metadata", {}).get("kernelspec", {})
    return isinstance(kernel, dict) and kernel.get("name") == SYNTHETIC


def strip(notebook: dict[str, Any]) -> bool:
    """Take out of a notebook, in place, what running it has put in.

    Outputs, execution counts, the state of widgets and whatever else stands in metadata that isn't known to
    be code or layout, and pictures in text, be they pasted or written as ``data:`` addresses.

    Args:
        notebook: in nbformat 4.

    Returns:
        Whether there was anything.
    """
    found = _limit(notebook.setdefault("metadata", {}), _NOTEBOOK_METADATA)
    found |= _limit_language(notebook["metadata"])
    for cell in notebook.get("cells", []):
        found |= _limit(cell.setdefault("metadata", {}), _CELL_METADATA)
        found |= bool(cell.pop("attachments", None))
        if cell.get("cell_type") != "code":
            text = str(cell.get("source", ""))
            cell["source"] = _PICTURE.sub("data:,", text)
            found |= cell["source"] != text
        else:
            found |= bool(cell.get("outputs")) or cell.get("execution_count") is not None
            cell["outputs"] = []
            cell["execution_count"] = None
    return found


def _limit_language(metadata: dict[str, Any]) -> bool:
    """Leave of a kernel's words on its language what is known: code in it can make it say anything."""
    said = metadata.get("language_info", {})
    kept: dict[str, Any] = {}
    for language in _LANGUAGES:
        if isinstance(said, dict) and said.get("name") == language["name"]:
            kept = {name: value for name, value in language.items() if said.get(name) == value}
            if _VERSION.fullmatch(str(said.get("version"))):
                kept["version"] = said["version"]
    if said == kept:
        return False
    metadata["language_info"] = kept
    if not kept:
        del metadata["language_info"]
    return True


def _limit(metadata: dict[str, Any], kept: frozenset[str]) -> bool:
    others = [name for name in metadata if name not in kept]
    for name in others:
        del metadata[name]
    return bool(others)
