"""The flow chart of a cohort: exact inside, and made safe to release."""

from sundbench.cohort.attrition.chart import FlowChart, Step, flow_chart, step_texts

__all__ = ["FlowChart", "Step", "flow_chart", "step_texts"]
