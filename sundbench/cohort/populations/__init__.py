"""The kinds of study populations besides new users, as a protocol says them."""
