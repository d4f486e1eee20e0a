"""Disclosure control: what may leave, and what a study's author can do so that it may.

The check reads the files that would leave (``sundbench.disclosure.check``). The helpers here make tables,
flow charts and curves that pass it.
"""

from sundbench.disclosure.coarsening import curve, flow_chart
from sundbench.disclosure.suppression import round_counts, suppress

__all__ = ["curve", "flow_chart", "round_counts", "suppress"]
