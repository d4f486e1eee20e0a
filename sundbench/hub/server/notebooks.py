"""What a notebook keeps when it is saved.

The results of register data live in the browser's view alone: a saved notebook is code and text, which
members share, keep under git, and may carry elsewhere. A notebook over synthetic data keeps its results.
"""

from __future__ import annotations

from typing import Any

from sundbench.hub.broker.offers import SYNTHETIC

_NOTEBOOK_METADATA = frozenset({"authors", "kernelspec", "language_info", "papermill", "sundbench", "title"})
_CELL_METADATA = frozenset({"collapsed", "deletable", "editable", "jupyter", "name", "slideshow", "tags"})


def keeps_results(notebook: dict[str, Any]) -> bool:
    """Whether a notebook says that its kernel is the synthetic data's; one that says nothing doesn't."""
    kernel = notebook.get("metadata", {}).get("kernelspec", {})
    return isinstance(kernel, dict) and kernel.get("name") == SYNTHETIC


def strip(notebook: dict[str, Any]) -> bool:
    """Take out of a notebook, in place, what running it has put in.

    Outputs, execution counts, the state of widgets and whatever else stands in metadata that isn't known to
    be code or layout, and pictures that were pasted into text.

    Args:
        notebook: in nbformat 4.

    Returns:
        Whether there was anything.
    """
    found = _limit(notebook.setdefault("metadata", {}), _NOTEBOOK_METADATA)
    for cell in notebook.get("cells", []):
        found |= _limit(cell.setdefault("metadata", {}), _CELL_METADATA)
        found |= bool(cell.pop("attachments", None))
        if cell.get("cell_type") == "code":
            found |= bool(cell.get("outputs")) or cell.get("execution_count") is not None
            cell["outputs"] = []
            cell["execution_count"] = None
    return found


def _limit(metadata: dict[str, Any], kept: frozenset[str]) -> bool:
    others = [name for name in metadata if name not in kept]
    for name in others:
        del metadata[name]
    return bool(others)
