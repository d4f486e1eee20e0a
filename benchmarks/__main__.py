"""All measurements, one after the other: ``make bench``.

Each stands alone too (``python -m benchmarks.bench_freeze --help``). The deliveries are built once, outside
the repository: ``SUNDBENCH_BENCH`` names the folder (default ``~/.cache/sundbench-bench``; about 20 GB).
"""

from __future__ import annotations

import subprocess
import sys

MEASUREMENTS = (
    ("benchmarks.bench_freeze",),
    ("benchmarks.bench_cohort", "--scale", "--cluster"),
    ("benchmarks.bench_cohort", "--covariates", "50"),
    ("benchmarks.bench_cohort", "--covariates", "50", "--limit", "1536"),
    ("benchmarks.bench_cohort", "--limit", "1536"),
    ("benchmarks.bench_slurm", "--persons", "600000"),
    ("benchmarks.bench_matched",),
    ("benchmarks.bench_exposure",),
    ("benchmarks.bench_cox",),
    ("benchmarks.bench_fine_gray",),
    ("benchmarks.bench_sccs",),
    ("benchmarks.bench_matching",),
    ("benchmarks.bench_propensity",),
    ("benchmarks.bench_high_dimensional", "--scale"),
    ("benchmarks.bench_kernel",),
    ("benchmarks.bench_audit",),
    ("benchmarks.bench_hub",),
    ("benchmarks.bench_hub", "--users", "50", "--slurm"),
)


def main() -> int:
    """Run every measurement, each in a process of its own; 1 if one of them failed to run."""
    failed = 0
    for measurement in MEASUREMENTS:
        sys.stdout.write(f"\n=== {' '.join(measurement)}\n")
        sys.stdout.flush()
        failed |= subprocess.run([sys.executable, "-m", *measurement], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
