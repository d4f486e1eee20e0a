"""Cox's model on up to a million rows with ten covariates, beside R's coxph and lifelines.

    python -m benchmarks.bench_cox                    # 1e4, 1e5 and 1e6 rows
    python -m benchmarks.bench_cox --sizes 1000000

Follow-up is in whole days up to ten years, so that there are many ties (Efron on all sides): once from the
start, and once as start-stop rows, of which half enter late. Each program runs in a process of its own; the
clock starts when the data are in its own data frame and stops when it has coefficients and standard errors.
Coefficients are checked equal to 1e-8, for which R and lifelines are told to iterate further than they do by
themselves (lifelines stops 1e-6 away). lifelines has no fast way for start-stop rows: a program that takes
more than --limit seconds is not tried on more rows, which take it longer still.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.survival_peers import CACHE, compare, figure, in_lifelines, in_r, say, scratch, timed, written

COVARIATES = [f"x{i}" for i in range(10)]
TIMES = 10.0

R = """
left <- if ("entry" %in% names) "Surv(entry, time, event)" else "Surv(time, event)"
formula <- as.formula(paste(left, "~", covariates))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
seconds <- system.time(fit <- coxph(formula, d, control = control))[["elapsed"]]
tell(seconds, coef(fit))
"""
LIFELINES = """
import json, sys, time
from pathlib import Path
import numpy as np, pandas as pd
from lifelines import CoxPHFitter
folder = Path(sys.argv[1])
names = (folder / "names.txt").read_text().split("\\n")
data = pd.DataFrame(dict(zip(names, np.fromfile(folder / "data.bin").reshape(len(names), -1))))
entry = "entry" if "entry" in names else None
started = time.perf_counter()
precise = {"precision": 1e-10, "r_precision": 1e-12}
fit = CoxPHFitter().fit(data, "time", "event", entry_col=entry, fit_options=precise)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "coef": fit.params_.tolist()}))
"""


def draw(size: int, *, late: bool) -> dict[str, np.ndarray]:
    """Persons with five measurements and five yes-or-no covariates."""
    random = np.random.default_rng(size)
    x = np.column_stack((random.normal(size=(size, 5)), random.random((size, 5)) < 0.3)).astype(float)
    effect = np.array([0.3, -0.2, 0.1, 0.0, 0.5, 0.2, -0.4, 0.1, 0.0, 0.3])
    happens = np.ceil(random.exponential(2000 * np.exp(-x @ effect)))
    ends = np.ceil(random.uniform(0, 3650, size))
    columns = {"time": np.minimum(happens, ends), "event": happens <= ends}
    if late:
        columns["entry"] = np.floor(columns["time"] * random.random(size) * (random.random(size) < 0.5))
    return columns | dict(zip(COVARIATES, x.T, strict=True))


def main() -> int:
    """Measure, compare, print; 1 if a bound is missed at a million rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that a peer gets")
    parser.add_argument("--figure", type=Path, default=CACHE / "cox.svg")
    chosen = parser.parse_args()
    from sundbench.methods import survival  # imported before the clock starts, as the peers are

    good, curves = True, {}
    for late in (False, True):
        kind = "start-stop rows" if late else "from the start"
        slow: set[str] = set()
        for size in chosen.sizes:
            columns = draw(size, late=late)
            data = pd.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})

            def fit(data: pd.DataFrame = data, entry: str | None = "entry" if late else None) -> np.ndarray:
                found = survival.cox(data, time="time", event="event", covariates=COVARIATES, entry=entry)
                return found.table["coef"].to_numpy()

            ours = timed(fit, chosen.repeats)
            say(f"  {size} rows, {kind}: sundbench {ours.seconds:.3f} s")
            curves.setdefault(f"sundbench, {kind}", {})[size] = ours.seconds
            with scratch() as name:
                folder = Path(name)
                written(columns, folder)
                peers = (("R coxph", in_r, R), ("lifelines", in_lifelines, LIFELINES))
                for peer, run, program in peers:
                    # Who took too long for fewer rows takes longer still.
                    theirs = None if peer in slow else run(program, folder, chosen.limit)
                    least = TIMES if size >= 1_000_000 else None
                    good &= compare(peer, ours, theirs, limit=chosen.limit, least=least, within=1e-8)
                    if theirs is None:
                        slow.add(peer)
                    else:
                        curves.setdefault(f"{peer}, {kind}", {})[size] = theirs.seconds
    figure("Cox's model with ten covariates", curves, chosen.figure)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
