"""What happens after the index day: who is followed for how long, what counts, and exposure."""
