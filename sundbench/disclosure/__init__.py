"""Disclosure control: what may leave, and what a study's author can do so that it may.

The check reads the files that would leave (``sundbench.disclosure.check``). The helpers here make tables,
flow charts and curves that pass it. Each is imported when it is first used: programs that only ask what an
output or a profile is don't wait for pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sundbench.disclosure.coarsening import curve, flow_chart
    from sundbench.disclosure.suppression import round_counts, suppress

__all__ = ["curve", "flow_chart", "round_counts", "suppress"]

_MODULES = {
    "curve": "sundbench.disclosure.coarsening",
    "flow_chart": "sundbench.disclosure.coarsening",
    "round_counts": "sundbench.disclosure.suppression",
    "suppress": "sundbench.disclosure.suppression",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names have types of their own
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'sundbench.disclosure' has no attribute {name!r}")
    return getattr(import_module(module), name)
