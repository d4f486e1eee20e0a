"""Fine and Gray's model beside R's crr and R's finegray with coxph.

    python -m benchmarks.bench_fine_gray              # 1e4 to 1e6 persons; crr at 2,000 to 8,000

Five covariates, follow-up in whole months up to ten years (in days finegray takes minutes for 10,000
persons). crr's time grows with the square of the persons; finegray writes a row for each competing event and
censoring time after it, so that it is not tried on more than --most persons. Each program runs in a process
of its own, without reading its data. Coefficients are checked equal to 1e-8 against finegray (with its
handling of ties on both sides) and to 1e-5 against crr, which stops when its score is small.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.survival_peers import CACHE, compare, figure, in_r, say, scratch, timed, written

COVARIATES = [f"x{i}" for i in range(5)]
TIMES = 10.0

CRR = """
suppressPackageStartupMessages(library(cmprsk))
x <- as.matrix(d[, grep("^x", names)])
seconds <- system.time(fit <- crr(d$time, d$cause, x))[["elapsed"]]
tell(seconds, fit$coef)
"""
FINEGRAY = """
d$state <- factor(d$cause, 0:2, c("none", "one", "two"))
d$person <- seq_len(nrow(d))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
seconds <- system.time({
    long <- finegray(as.formula(paste("Surv(time, state) ~ person +", covariates)), d, etype = "one")
    formula <- as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~ cluster(person) +", covariates))
    fit <- coxph(formula, long, weights = fgwt, control = control)
})[["elapsed"]]
tell(seconds, coef(fit))
"""


def draw(size: int) -> dict[str, np.ndarray]:
    """Persons with a cause of interest, a competing one, or neither."""
    random = np.random.default_rng(size)
    x = np.column_stack((random.normal(size=(size, 3)), random.random((size, 2)) < 0.4)).astype(float)
    first = np.ceil(random.exponential(133 * np.exp(-x @ [0.4, -0.2, 0.0, 0.3, -0.5])))
    second = np.ceil(random.exponential(100, size))
    ends = np.ceil(random.uniform(0, 120, size))
    time = np.minimum(np.minimum(first, second), ends)
    cause = np.where(time == first, 1, np.where(time == second, 2, 0))
    return {"time": time, "cause": cause} | dict(zip(COVARIATES, x.T, strict=True))


def main() -> int:
    """Measure, compare, print; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--crr", type=int, nargs="+", default=[2_000, 4_000, 8_000])
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds that a peer gets")
    parser.add_argument("--figure", type=Path, default=CACHE / "fine_gray.svg")
    chosen = parser.parse_args()
    from sundbench.methods import survival  # imported before the clock starts, as the peers are

    good, curves, slow = True, {}, False
    for size in [*chosen.crr, *chosen.sizes]:
        columns = draw(size)
        data = pd.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})
        peer = "crr" if size in chosen.crr else "finegray"

        def fit(data: pd.DataFrame = data, peer: str = peer) -> np.ndarray:
            found = survival.fine_gray(
                data, time="time", cause="cause", covariates=COVARIATES, convention=peer
            )
            return found.table["coef"].to_numpy()

        ours = timed(fit, chosen.repeats)
        say(f"  {size} persons: sundbench {ours.seconds:.3f} s")
        curves.setdefault(f"sundbench, as {peer}", {})[size] = ours.seconds
        if peer == "finegray" and (slow or size > chosen.most):
            continue
        with scratch() as name:
            folder = Path(name)
            written(columns, folder)
            theirs = in_r(CRR if peer == "crr" else FINEGRAY, folder, chosen.limit)
        least = TIMES if peer == "crr" or size >= 100_000 else None
        within = 1e-5 if peer == "crr" else 1e-8
        good &= compare(f"R {peer}", ours, theirs, limit=chosen.limit, least=least, within=within)
        if theirs is None:
            slow = True
        else:
            curves.setdefault(f"R {peer}", {})[size] = theirs.seconds
    figure("Fine and Gray's model with five covariates", curves, chosen.figure)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
