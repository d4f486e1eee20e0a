"""The kinds of study populations, as a protocol says them."""
