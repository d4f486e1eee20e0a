"""RECORD-PE, the checklist for reporting studies of medicines on routine data, filled from a protocol.

Source: Langan SM et al., BMJ 2018;363:k3532. What a protocol can't know (funding, ethics, interpretation) is
left to the author. Answers hold words of the protocol and of this library, days and codes: no number that was
counted in data.
"""

from sundbench.cohort.record_pe.checklist import LONGEST, checklist
from sundbench.cohort.record_pe.items import SOURCE, Item, items

__all__ = ["LONGEST", "SOURCE", "Item", "checklist", "items"]
