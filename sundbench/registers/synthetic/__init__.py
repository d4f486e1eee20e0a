"""Synthetic deliveries: invented persons in the registers' own formats, with a truth planted in them."""

from sundbench.registers.synthetic.run import synthesize

__all__ = ["synthesize"]
