"""Release: outputs, runs, review, manifests and reports."""
