"""Synthetic deliveries: invented persons in the registers' own formats, with a truth planted in them."""
