"""The disclosure check: reads an outbox as it would leave, and says what may not.

It reads the files, not the intentions: what an output says of itself is believed only where the files bear it
out, and a missing statement is a finding. It can't know everything: two reviewers look at each release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sundbench.disclosure.cells import extremes, flow_charts, freedom, shares, small_counts, thin_values
from sundbench.disclosure.checklists import told
from sundbench.disclosure.curves import thin_steps
from sundbench.disclosure.differences import differences
from sundbench.disclosure.dominance import dominated
from sundbench.disclosure.drawing import foreign
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted, read_outbox
from sundbench.disclosure.profile import Profile
from sundbench.disclosure.rows import row_level
from sundbench.disclosure.texts import wordy

_RULES: tuple[Callable[[Emitted, Profile], Iterator[Finding]], ...] = (
    row_level,
    small_counts,
    thin_values,
    shares,
    extremes,
    flow_charts,
    dominated,
    thin_steps,
    freedom,
    told,
)

_SHOWN = 12
"""Findings of one rule on one output that are listed one by one."""


def check(outbox: Path, profile: Profile) -> list[Finding]:
    """Check the outputs of one run.

    Args:
        outbox: the run's outbox.
        profile: the thresholds.

    Returns:
        The findings, output by output; those that ``blocks`` stop a release. Empty when all may leave.

    Raises:
        DisclosureError: there is no outbox, or it is empty.
    """
    outputs, findings = read_outbox(outbox)
    tables = {output.card.name: output for output in outputs if output.card.kind != "figure"}
    for output in outputs:
        findings += _shortened(list(wordy(output)))
        if output.card.kind == "figure":
            data = tables.get(output.card.drawn_from or "")
            if data is not None:
                findings += foreign(
                    output, data.card.rows, len(data.card.having("value", "persons", "events"))
                )
            continue
        for rule in _RULES:
            findings += _shortened(list(rule(output, profile)))
    findings += _shortened(list(differences(list(tables.values()), profile)))
    return findings


def _shortened(found: list[Finding]) -> list[Finding]:
    if len(found) <= _SHOWN:
        return found
    more = f"and {len(found) - _SHOWN} more findings like these"
    blocks = any(finding.blocks for finding in found[_SHOWN:])
    return [*found[:_SHOWN], Finding(found[0].output, "", more, found[0].remedy, blocks)]
