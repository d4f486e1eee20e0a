"""Registers: what each one is, how a delivery of it is read, and synthetic deliveries."""
