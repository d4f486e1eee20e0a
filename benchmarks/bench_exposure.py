"""Exposure episodes of every person and every ATC code at level 5, beside the same windows in DuckDB.

    python -m benchmarks.bench_exposure        # 600,000 persons, three repeats, time and memory

The data are the cohort benchmark's extract (``benchmarks.cohort_data``): 49.5 million rows of dispensings.
A package lasts thirty days, what is left is used first, gaps of thirty days are bridged. Sundbench makes the
episodes bucket by bucket (``sundbench.cohort.exposure.episodes``), two buckets at a time; DuckDB in
one query over all files and may use all memory. Both leave out rows of no or negative packages: netting is
measured in ``bench_cohort``.

Some forty million episodes are too many to hand over, so both sum them by ATC code: episodes, dispensings,
days, and three sums in which person, start and end are multiplied, so that an episode that is moved or given
to somebody else shows. These sums are checked equal for every code, and those of one bucket row by row.

Each program runs in a process of its own, one after the other in each repeat.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.bench_cohort import peak
from benchmarks.nation import PERSONS

TIMES = 1.0
WORKER = 1024  # MiB
DAYS, GRACE = 30, 30

EPISODES = """
WITH bought AS (
  SELECT person, atc, eksd, {days} * apk AS n FROM '{files}' WHERE apk > 0
), summed AS (
  SELECT *, sum(n) OVER (PARTITION BY person, atc ORDER BY eksd ROWS UNBOUNDED PRECEDING) AS total FROM bought
), ended AS (
  SELECT *, total + max((eksd - DATE '1970-01-01') - (total - n))
    OVER (PARTITION BY person, atc ORDER BY eksd ROWS UNBOUNDED PRECEDING) AS stop FROM summed
), begun AS (
  SELECT *, CASE WHEN (eksd - DATE '1970-01-01') - lag(stop)
    OVER (PARTITION BY person, atc ORDER BY eksd ROWS UNBOUNDED PRECEDING) <= {grace}
    THEN 0 ELSE 1 END AS begins
  FROM ended
), numbered AS (
  SELECT *, sum(begins) OVER (PARTITION BY person, atc ORDER BY eksd ROWS UNBOUNDED PRECEDING) AS episode
  FROM begun
)
SELECT person, atc, episode::BIGINT AS episode, min(eksd) - DATE '1970-01-01' AS start,
  max(stop)::BIGINT AS stop, count(*) AS dispensings
FROM numbered GROUP BY person, atc, episode
"""
SUMS = """
SELECT atc, count(*) AS episodes, sum(dispensings)::BIGINT AS dispensings, sum(stop - start)::BIGINT AS days,
  sum((person % 65521) * (stop - start))::BIGINT AS by_person,
  sum(start * (stop - start))::BIGINT AS by_start, sum((person % 65521) * start)::BIGINT AS person_start
FROM ({episodes}) GROUP BY atc ORDER BY atc
"""


def of_file(file: Path) -> pl.DataFrame:
    """A bucket's episodes."""
    from sundbench.cohort.exposure import Rules, episodes, fixed_days

    rules = Rules(fixed_days(DAYS, each="package"), grace_days=GRACE)
    bought = (
        pl.scan_parquet(file)
        .filter(pl.col("apk") > 0)
        .select("person", "atc", pl.col("eksd").alias("date"), pl.col("apk").alias("packages"))
    )
    return episodes(bought.collect(), rules)


def summed(found: pl.DataFrame) -> pl.DataFrame:
    """A bucket's sums by code."""
    person, start, days = (
        pl.col("person").cast(pl.Int64) % 65521,
        pl.col("start").to_physical(),
        pl.col("days"),
    )
    return found.group_by("atc").agg(
        pl.len().cast(pl.Int64).alias("episodes"),
        pl.col("dispensings").sum(),
        days.sum(),
        (person * days).sum().alias("by_person"),
        (start * days).sum().alias("by_start"),
        (person * start).sum().alias("person_start"),
    )


def by_sundbench(root: Path) -> pl.DataFrame:
    """Bucket by bucket on Dask's threads, as the engine runs."""
    import dask

    parts = [
        dask.delayed(lambda file: summed(of_file(file)))(file) for file in sorted((root / "lmdb").glob("*"))
    ]
    found = dask.compute(*parts, scheduler="threads", num_workers=2)
    return pl.concat(found).group_by("atc").agg(pl.all().sum()).sort("atc")


def by_duckdb(root: Path) -> pl.DataFrame:
    """One query over all buckets."""
    episodes = EPISODES.format(files=root / "lmdb" / "*.parquet", days=DAYS, grace=GRACE)
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = '{spill}'")
        return connection.sql(SUMS.format(episodes=episodes)).pl()


BY = {"sundbench": by_sundbench, "duckdb": by_duckdb}


def child(program: str, root: Path, answer: Path) -> None:
    """Run one program in this process; time without imports."""
    import dask.threaded  # noqa: F401 - imported before the clock starts, as DuckDB is

    import sundbench.cohort.exposure  # noqa: F401

    started, busy = time.perf_counter(), time.process_time()
    frame = BY[program](root)
    told = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy, "peak": peak()}
    frame.write_parquet(answer)
    print(json.dumps(told))


def measure(program: str, root: Path, answer: Path) -> dict[str, float]:
    """Run one program in a process of its own; what it told."""
    command = [sys.executable, "-m", "benchmarks.bench_exposure", "--child", program]
    command += ["--root", str(root), "--answer", str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program}: exit {done.returncode}\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {program}: {told['seconds']:.1f} s, cpu {told['cpu']:.1f} s, {told['peak']:.0f} MiB", flush=True
    )
    return told


def check_equal(answers: Path) -> None:
    """Refuse sums that differ for any code."""
    ours, theirs = (pl.read_parquet(answers / f"{program}.parquet") for program in BY)
    if not ours.equals(theirs):
        raise SystemExit(f"sums differ: {ours.height}, {theirs.height} codes")
    print(f"  sums equal for {ours.height} codes: {ours['episodes'].sum()} episodes")


def check_rows(root: Path) -> None:
    """Refuse episodes of the first bucket that differ in any row."""
    file = min((root / "lmdb").glob("*"))
    ours = of_file(file).select(
        "person",
        "atc",
        "episode",
        pl.col("start").to_physical().cast(pl.Int64),
        (pl.col("end").to_physical().cast(pl.Int64) + 1).alias("stop"),
        "dispensings",
    )
    with duckdb.connect() as connection:
        theirs = connection.sql(EPISODES.format(files=file, days=DAYS, grace=GRACE)).pl()
    if not theirs.sort("person", "atc", "episode").cast(ours.schema).equals(ours):
        raise SystemExit("the first bucket's episodes differ")
    print(f"  the first bucket's {ours.height} episodes equal, row by row")


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", choices=sorted(BY), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.root, chosen.answer)
        return
    from benchmarks.cohort_data import national_extract  # not in the children: it loads the whole store

    root = national_extract(chosen.persons)
    print(f"{chosen.persons} persons", flush=True)
    check_rows(root)
    runs: dict[str, list[dict[str, float]]] = {program: [] for program in BY}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(chosen.repeats):
            for program in BY:
                runs[program].append(measure(program, root, Path(folder) / f"{program}.parquet"))
        check_equal(Path(folder))
    median = {
        (program, what): statistics.median(one[what] for one in told)
        for program, told in runs.items()
        for what in ("seconds", "cpu")
    }
    ratio, busy = (median["sundbench", what] / median["duckdb", what] for what in ("seconds", "cpu"))
    print(f"  ratio to DuckDB {ratio:.2f} (at most {TIMES}); processor {busy:.2f}")
    print(f"  peak {max(one['peak'] for one in runs['sundbench']):.0f} MiB (at most {WORKER} a worker)")


if __name__ == "__main__":
    main()
