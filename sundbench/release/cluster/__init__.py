"""Runs as jobs of a Slurm cluster, under the account of their permit."""
