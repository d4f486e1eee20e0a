"""The ``sundbench`` command."""
