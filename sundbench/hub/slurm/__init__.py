"""Project servers as jobs of Slurm's, each under its permit's account."""
