"""Slurm: jobs and what became of them, and a small cluster to try it on."""
