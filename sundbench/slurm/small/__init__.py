"""A small Slurm cluster on one machine, for tests and for those who want to see it first."""
