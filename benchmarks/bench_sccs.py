"""A self-controlled case series beside R's clogit and R's SCCS.

    python -m benchmarks.bench_sccs              # 1e4 to 1e6 cases; R up to 100,000

Each case has one event, one to three exposures of 42 days in three risk windows, and age in half years. Ours
is timed from the tables of cases and exposures on. clogit gets the rows already split, with the logarithm of
their days as offset, and needs nothing else to be done; standardsccs starts from the tables, as ours does.
Each program runs in a process of its own, without reading its data. Coefficients are checked equal to 1e-6.

R's SCCS is sourced from its public repository, in the folder that SUNDBENCH_SCCS names (default: in the
cache, where it is cloned once): to install it needs more packages than a case series does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.survival_peers import CACHE, compare, figure, in_r, say, scratch, timed, written

REPOSITORY = "https://github.com/cran/SCCS"
SOURCE = Path(os.environ.get("SUNDBENCH_SCCS", CACHE / "SCCS"))
WINDOWS = [0, 15, 29]
AGES = list(range(180, 1261, 180))
TIMES = 10.0

CLOGIT = """
d$level <- factor(d$level)
d$age <- factor(d$age)
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
seconds <- system.time({
    fit <- clogit(event ~ level + age + strata(stratum) + offset(log(days)), d, control = control)
})[["elapsed"]]
tell(seconds, coef(fit))
"""
STANDARDSCCS = """
for (part in c("standardsccs", "formatdata", "adrug_matrix", "max_expo"))
    source(file.path(SOURCE, "R", paste0(part, ".R")))
seconds <- system.time({
    fit <- standardsccs(event ~ x + age, indiv = person, astart = start, aend = end, aevent = day, adrug = x,
                        aedrug = until, expogrp = c(0, 15, 29), agegrp = AGES, data = d)
})[["elapsed"]]
tell(seconds, fit$coefficients[, "coef"])
"""


def draw(size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cases and exposures: every seventh event or so is drawn into the days after the first exposure."""
    random = np.random.default_rng(size)
    start = random.integers(0, 365, size)
    end = start + random.integers(365, 1096, size)
    # Exposures of a case lie in thirds of the observation, so that none begins or ends with another.
    who = np.repeat(np.arange(size), random.integers(1, 4, size))
    nth = np.arange(who.size) - np.searchsorted(who, who)
    third = (end - start)[who] // 3
    begin = start[who] + nth * third + random.integers(0, 70, who.size)
    day = start + np.floor(random.random(size) * (end - start + 1)).astype(int)
    drawn = random.random(size) < 0.15
    day[drawn] = (begin[np.searchsorted(who, np.arange(size))] + random.integers(0, 42, size))[drawn]
    cases = pd.DataFrame({"person": np.arange(size), "start": start, "end": end, "event_day": day})
    return cases, pd.DataFrame({"person": who, "name": "x", "start": begin, "end": begin + 41})


def split_rows(cases: pd.DataFrame, exposures: pd.DataFrame) -> dict[str, np.ndarray]:
    """What clogit is given."""
    from sundbench.methods.self_controlled.cases import read_cases
    from sundbench.methods.self_controlled.design import design

    made = design(
        read_cases(cases, None),
        exposures,
        risk_windows=WINDOWS,
        age_breaks=AGES,
        season=False,
        washout=None,
        common_effect=True,
    )
    level, age = (factor.level for factor in made.factors)
    days = made.rows.days
    return {"event": made.events, "stratum": made.stratum, "days": days, "level": level, "age": age}


def tables(cases: pd.DataFrame, exposures: pd.DataFrame) -> dict[str, np.ndarray]:
    """What standardsccs is given: a row an exposure, with its case."""
    rows = exposures.rename(columns={"start": "x", "end": "until"}).merge(cases, on="person")
    rows = rows.rename(columns={"event_day": "day"})
    return {name: rows[name].to_numpy() for name in ("person", "start", "end", "day", "x", "until")}


def main() -> int:
    """Measure, compare, print; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--most", type=int, default=100_000, help="cases that R gets")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds that a peer gets")
    parser.add_argument("--figure", type=Path, default=CACHE / "sccs.svg")
    chosen = parser.parse_args()
    from sundbench.methods import self_controlled  # imported before the clock starts, as the peers are

    if not SOURCE.exists():
        say(f"  bringing SCCS to {SOURCE}")
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", REPOSITORY, str(SOURCE)], check=True)
    standard = STANDARDSCCS.replace("SOURCE", f'"{SOURCE}"').replace(
        "AGES", f"c({', '.join(map(str, AGES))})"
    )
    good, curves = True, {}
    for size in chosen.sizes:
        cases, exposures = draw(size)

        def fit(cases: pd.DataFrame = cases, exposures: pd.DataFrame = exposures) -> np.ndarray:
            found = self_controlled.sccs(cases, exposures, risk_windows=WINDOWS, age_breaks=AGES)
            return found.coef.to_numpy()

        ours = timed(fit, chosen.repeats)
        say(f"  {size} cases: sundbench {ours.seconds:.3f} s")
        curves.setdefault("sundbench", {})[size] = ours.seconds
        if size > chosen.most:
            continue
        peers = (
            ("R clogit on split rows", split_rows(cases, exposures), CLOGIT),
            ("R standardsccs", tables(cases, exposures), standard),
        )
        for peer, columns, program in peers:
            with scratch() as name:
                folder = Path(name)
                written(columns, folder)
                theirs = in_r(program, folder, chosen.limit)
            least = TIMES if size >= 100_000 else None
            good &= compare(peer, ours, theirs, limit=chosen.limit, least=least, within=1e-6)
            if theirs is not None:
                curves.setdefault(peer, {})[size] = theirs.seconds
    figure("A self-controlled case series", curves, chosen.figure)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
