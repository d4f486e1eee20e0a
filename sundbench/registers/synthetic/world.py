"""What the parts of a chunk share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sundbench.registers.synthetic.columns import Numbers
from sundbench.registers.synthetic.health import Health
from sundbench.registers.synthetic.lives import Lives
from sundbench.registers.synthetic.output import Output
from sundbench.registers.synthetic.plan import Plan


@dataclass(frozen=True)
class World:
    """One chunk: its persons' lives and diseases, their numbers, and where rows are written.

    Attributes:
        plan: the synthesis.
        chunk: which chunk.
        lives: how the persons live.
        health: their diseases.
        numbers: their person numbers.
        output: the chunk's rows.
    """

    plan: Plan
    chunk: int
    lives: Lives
    health: Health
    numbers: Numbers
    output: Output

    def stream(self, part: str) -> np.random.Generator:
        """The random stream of one part."""
        return self.plan.stream(self.chunk, part)
