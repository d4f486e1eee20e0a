"""Governance: people, permits and the database that remembers them."""
