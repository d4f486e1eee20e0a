"""An L1-penalised propensity model of 5,000 sparse covariates and 500,000 persons, beside scikit-learn's.

    python -m benchmarks.bench_propensity              # 1e4 to 1e6 persons; scikit-learn's at 500,000

Every fit has a process of its own, which must stay under 4 GiB with all that it does: drawing the data, the
matrix as ``sb.high_dimensional`` gives it, and the model. Covariates are 0 and 1, from 1 in 20 persons to 1
in 2,000, about 54 of them a person. All solve the same problem (terms not standardised, the penalty 1/2,500
of the persons), and each tells how far it is from the solution: the largest distance of a gradient from where
it must be, as a share of the penalty. scikit-learn's saga gets its default tolerance and a limit of seconds;
its liblinear penalises the intercept too, so that its solution is another. ``--cv`` also chooses the penalty
by cross-validation.

The clock starts when the loops are compiled (bench_matching tells what that costs) and the matrix is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.special import expit

from benchmarks.bench_cohort import peak
from benchmarks.survival_peers import CACHE, figure, say

COVARIATES = 5_000
MEMORY = 4_096  # MiB


def draw(persons: int) -> tuple[csr_array, np.ndarray]:
    """Covariates and treatment; a tenth of the covariates matter."""
    random = np.random.default_rng(persons)
    share = np.geomspace(0.05, 0.0005, COVARIATES)
    rows = [np.unique(random.integers(0, persons, many)) for many in random.binomial(persons, share)]
    start = np.concatenate(([0], np.cumsum([one.size for one in rows]))).astype(np.int32)
    held = np.concatenate(rows).astype(np.int32)
    matrix = csc_array((np.ones(start[-1], np.int32), held, start), shape=(persons, COVARIATES)).tocsr()
    effect = np.where(random.random(COVARIATES) < 0.1, random.normal(0, 0.5, COVARIATES), 0)
    odds = matrix @ effect
    return matrix, random.random(persons) < expit(odds - odds.mean() - 1)


def child(program: str, persons: int) -> None:
    """Fit in this process; tell seconds, memory and how exact the solution is."""
    from sklearn.linear_model import LogisticRegression

    from sundbench.methods import propensity

    matrix, arm = draw(persons)
    penalty = persons / 2500
    if program in ("sundbench", "cv"):
        few = slice(0, 2_000)
        propensity.fit(matrix[few], treatment=arm[few], covariates=None, penalty=20, standardise=False)
        chosen = "cv" if program == "cv" else penalty
        started = time.perf_counter()
        model = propensity.fit(matrix, treatment=arm, covariates=None, penalty=chosen, standardise=False)
        seconds = time.perf_counter() - started
        penalty, coef, score = model.penalty, model.table["coef"].to_numpy()[1:], model.score
    else:
        ready = matrix.astype(np.float64)
        solver = LogisticRegression(
            l1_ratio=1.0, C=1 / penalty, solver=program, random_state=0, max_iter=1000
        )
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solver.fit(ready, arm)
        seconds = time.perf_counter() - started
        coef, score = solver.coef_[0], solver.predict_proba(ready)[:, 1]
    gradient = matrix.T @ (arm - score)
    off = np.where(
        coef != 0, np.abs(gradient - np.sign(coef) * penalty), np.maximum(np.abs(gradient) - penalty, 0)
    )
    told = {"seconds": seconds, "peak": peak(), "off": float(off.max() / penalty), "penalty": penalty}
    print(json.dumps({**told, "terms": int((coef != 0).sum()), "entries": int(matrix.nnz)}))


def measure(program: str, persons: int, limit: float) -> dict[str, float] | None:
    """Run one fit in a process of its own; None if it takes too long."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.bench_propensity",
        "--child",
        program,
        "--sizes",
        str(persons),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        say(f"  {program}: more than {limit:.0f} s with drawing the data")
        return None
    if done.returncode != 0:
        raise SystemExit(f"{program}: exit {done.returncode}\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    say(
        f"  {program}: {told['seconds']:.1f} s, {told['peak']:.0f} MiB, penalty {told['penalty']:.0f}, "
        f"{told['terms']} terms, {told['off']:.0e} of the penalty off"
    )
    return told


def main() -> int:
    """Measure, print; 1 if ours needs more than 4 GiB or is not exact."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 500_000, 1_000_000])
    parser.add_argument(
        "--beside", type=int, default=500_000, help="persons of whom scikit-learn's is measured"
    )
    parser.add_argument("--limit", type=float, default=75.0, help="seconds that scikit-learn gets")
    parser.add_argument(
        "--cv", action="store_true", help="choose the penalty too, of the persons of --beside"
    )
    parser.add_argument("--figure", type=Path, default=CACHE / "propensity.svg")
    parser.add_argument("--child", choices=("sundbench", "cv", "saga", "liblinear"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.sizes[0])
        return 0
    good, curve = True, {}
    for persons in chosen.sizes:
        say(f"{persons} persons, {COVARIATES} covariates")
        ours = measure("sundbench", persons, 3600)
        assert ours is not None
        curve[persons] = ours["seconds"]
        good &= ours["peak"] <= MEMORY and ours["off"] < 1e-6
        if persons == chosen.beside:
            for peer in ("liblinear", "saga"):
                measure(peer, persons, chosen.limit)
            if chosen.cv:
                measure("cv", persons, 3600)
    say(f"  memory of ours at most {MEMORY} MiB and solutions exact: {'yes' if good else 'no'}")
    figure("L1-penalised propensity model, 5,000 sparse covariates", {"sundbench": curve}, chosen.figure)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
