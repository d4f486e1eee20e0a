"""Matching 1:1 within a caliper of 0.2 standard deviations of the logit, beside R's MatchIt.

    python -m benchmarks.bench_matching              # 1e4 to 1e6 persons, a fifth of them treated

Debian's MatchIt 4.5.1 ignores calipers: MatchIt 4.7 or newer is looked for in the folder that
SUNDBENCH_MATCHIT names (an R library; default ~/.cache/sundbench-bench/matchit), and brought there from CRAN
if it isn't. R runs in a process of its own, without reading its data; both get the logit's order "largest".
The pairs must be the same. The loops are compiled before the clock starts, as R's are when it is installed:
what that costs at the very first call, and what reading them back costs each process later, is told too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.survival_peers import CACHE, Told, compare, figure, in_r, say, scratch, timed, written

TIMES = 20.0
LIBRARY = Path(os.environ.get("SUNDBENCH_MATCHIT", CACHE / "matchit"))

MATCHIT = """
.libPaths(c("LIBRARY", .libPaths()))
suppressPackageStartupMessages(library(MatchIt))
stopifnot(packageVersion("MatchIt") >= "4.7")
seconds <- system.time(fit <- matchit(
    arm ~ 1, d, method = "nearest", distance = d$logit, caliper = 0.2, m.order = "largest"
))[["elapsed"]]
treated <- which(d$arm == 1)
control <- as.integer(fit$match.matrix[, 1])
tell(seconds, c(rbind(treated, control)[, !is.na(control)]))
"""


def draw(size: int) -> dict[str, np.ndarray]:
    """Persons, a fifth treated, whose scores overlap as those of two drugs for one disease do."""
    random = np.random.default_rng(size)
    arm = random.permutation(np.arange(size) < size // 5)
    return {"arm": arm.astype(float), "logit": random.normal(np.where(arm, -0.8, -1.6), 1.0)}


def library() -> Path:
    """MatchIt's library; brought once."""
    if not (LIBRARY / "MatchIt").exists():
        say(f"  bringing MatchIt to {LIBRARY}")
        LIBRARY.mkdir(parents=True, exist_ok=True)
        subprocess.run(["Rscript", "-e", f"install.packages('MatchIt', '{LIBRARY}')"], check=True)
    return LIBRARY


COMPILING = """
import time
from sundbench.methods import propensity
started = time.perf_counter()
propensity.match([0.4, 0.5, 0.6], [1, 0, 0], caliper=None)
print(time.perf_counter() - started)
"""


def compiling() -> None:
    """Tell how long the first call takes where nothing is compiled yet, and in a process after that."""
    with scratch() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        first, later = (
            float(
                subprocess.run(
                    [sys.executable, "-c", COMPILING],
                    env=environment,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(2)
        )
    say(f"  not in the times below: compiling {first:.1f} s once, reading that back {later:.2f} s a process")


def main() -> int:
    """Measure, compare, print; 1 if the bound is missed or the pairs differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that MatchIt gets")
    parser.add_argument("--figure", type=Path, default=CACHE / "matching.svg")
    chosen = parser.parse_args()
    from sundbench.methods import propensity  # imported before the clock starts, as the peer is

    program = MATCHIT.replace("LIBRARY", str(library()))
    compiling()
    good, curves = True, {}
    for size in chosen.sizes:
        columns = draw(size)
        score = 1 / (1 + np.exp(-columns["logit"]))

        def pairs(score: np.ndarray = score, arm: np.ndarray = columns["arm"]) -> np.ndarray:
            found = propensity.match(score, arm).table
            return found[["treated", "control"]].to_numpy().ravel() + 1.0

        ours = timed(pairs, chosen.repeats)
        say(f"  {size} persons: sundbench {ours.seconds:.3f} s, {ours.coef.size // 2} pairs")
        curves.setdefault("sundbench", {})[size] = ours.seconds
        with scratch() as name:
            written(columns, Path(name))
            theirs = in_r(program, Path(name), chosen.limit)
        if theirs is not None:
            curves.setdefault("R MatchIt", {})[size] = theirs.seconds
            if theirs.coef.shape != ours.coef.shape:
                say(f"    MatchIt has {theirs.coef.size // 2} pairs")
                good, theirs = False, Told(theirs.seconds, ours.coef)
        least = TIMES if size >= 1_000_000 else None
        good &= compare("R MatchIt", ours, theirs, limit=chosen.limit, least=least, within=0.0)
    figure("Matching 1:1 within a caliper", curves, chosen.figure)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
