"""What `sundbench.hub.check` looks at."""
