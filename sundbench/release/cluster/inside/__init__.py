"""What runs in the sandboxes of a run over several nodes: it decides nothing."""
