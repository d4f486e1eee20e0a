"""Features: values of a person at the index day, told from events or from the person."""
