"""High-dimensional covariates of everybody, beside the same screening written by hand in DuckDB.

    python -m benchmarks.bench_high_dimensional              # 600,000 persons, three repeats, time and memory
    python -m benchmarks.bench_high_dimensional --scale      # at a half and a quarter of the cohort too

The data are the cohort benchmark's extract (``benchmarks.cohort_data``). Every person of it has an index day
in 2010 to 2014; the 200 commonest codes of dispensings (ATC level 5, corrections netted) and of hospital
diagnoses (types A and B, three characters) in the year before it become graded columns. DuckDB finds the
same entries in one query over all files, nets by the engine's rule only what shares a product with a
correction, and may use all memory. The columns and every entry of the matrix are checked equal.

``--scale`` shows how time and memory go with the cohort: its extract's buckets are the same, so what a bucket
holds falls with it.

Each program runs in a process of its own, one after the other in each repeat.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.bench_cohort import peak
from benchmarks.nation import PERSONS

TIMES = 1.0
WORKER = 1024  # MiB
TOP, DAYS, MINIMUM = 200, 365, 100

SCREENED = """
WITH cohort AS (
  SELECT person, "index" FROM '{cohort}'
), registered AS (
  SELECT person, atc, vnr, eksd, apk FROM '{root}/lmdb/*.parquet' SEMI JOIN cohort USING (person)
), corrected AS MATERIALIZED (
  SELECT DISTINCT person, atc, vnr FROM registered WHERE apk <= 0
), placed AS (
  SELECT *, row_number() OVER (PARTITION BY person, atc, vnr ORDER BY eksd, apk <= 0, apk) place
  FROM registered SEMI JOIN corrected USING (person, atc, vnr)
), totals AS (
  SELECT *, sum(apk) OVER (PARTITION BY person, atc, vnr ORDER BY place) total FROM placed
), heights AS (
  SELECT *, total - least(min(total) OVER (PARTITION BY person, atc, vnr ORDER BY place), 0) height
  FROM totals
), lowest AS (
  SELECT *, min(height) OVER (PARTITION BY person, atc, vnr ORDER BY place
    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) lowest FROM heights
), bought AS (
  SELECT person, atc, eksd FROM registered ANTI JOIN corrected USING (person, atc, vnr)
  UNION ALL
  SELECT person, atc, eksd FROM lowest WHERE apk > 0 AND lowest - height + apk > 0
), events AS (
  SELECT 'dispensings' AS dimension, person, atc AS code FROM bought JOIN cohort USING (person)
  WHERE eksd >= "index" - {days} AND eksd < "index"
  UNION ALL
  SELECT 'diagnoses', person, CASE WHEN c_diag[:1] = 'D' THEN c_diag[:4] ELSE c_diag[:3] END
  FROM '{root}/lpr_diag/*.parquet' JOIN cohort USING (person)
  WHERE d_inddto >= "index" - {days} AND d_inddto < "index" AND c_diagtype IN ('A', 'B')
), times AS MATERIALIZED (
  SELECT dimension, code, person, count(*) AS n FROM events GROUP BY ALL
), codes AS (
  SELECT dimension, code, list_sort(list(n)) AS l, count(*) AS c FROM times GROUP BY dimension, code
  HAVING count(*) >= {minimum}
  QUALIFY row_number() OVER (PARTITION BY dimension
    ORDER BY least(c, (SELECT count(*) FROM cohort) - c) DESC, c DESC, code) <= {top}
), cut AS (
  SELECT *, CASE WHEN c % 2 = 0 THEN (l[c // 2] + l[c // 2 + 1]) / 2 ELSE l[c // 2 + 1] END AS median,
    CASE WHEN 3 * c % 4 = 0 THEN (l[3 * c // 4] + l[3 * c // 4 + 1]) / 2 ELSE l[3 * c // 4 + 1] END AS upper
  FROM codes
), graded AS (
  SELECT dimension, code, l[1] AS once, list_min(list_filter(l, lambda x : x >= median)) AS sporadic,
    list_min(list_filter(l, lambda x : x >= upper)) AS frequent FROM cut
)
SELECT person, dimension || '_' || code || '_' || grade AS name
FROM times JOIN (
  SELECT dimension, code, 'once' AS grade, once AS at_least FROM graded
  UNION ALL SELECT dimension, code, 'sporadic', sporadic FROM graded WHERE sporadic > once
  UNION ALL SELECT dimension, code, 'frequent', frequent FROM graded WHERE frequent > sporadic
) USING (dimension, code)
WHERE n >= at_least
"""


def cohort_of(root: Path, share: int, file: Path) -> int:
    """Write every ``share``-th person of the extract with an index day; how many they are."""
    people = (
        pl.scan_parquet(root / "bef" / "*.parquet")
        .select("person")
        .unique()
        .sort("person")
        .gather_every(share)
        .with_columns(pl.lit(date(2010, 1, 1)) + pl.duration(days=pl.col("person") % 1826))
        .rename({"literal": "index"})
        .collect()
    )
    people.write_parquet(file)
    return people.height


def child(program: str, root: Path, cohort: Path, answer: Path) -> None:
    """Run one program in this process; time without imports."""
    if program == "duckdb":
        query = SCREENED.format(root=root, cohort=cohort, days=DAYS, minimum=MINIMUM, top=TOP)
        with tempfile.TemporaryDirectory(dir=root.parent) as spill, duckdb.connect() as connection:
            connection.execute(f"SET temp_directory = '{spill}'")
            started, busy = time.perf_counter(), time.process_time()
            entries = connection.sql(query).pl()
            told = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy}
    else:
        import dask.threaded  # noqa: F401 - imported before the clock starts, as DuckDB is

        import sundbench as sb

        db = sb.connect(root)
        nobody = sb.Study(sb.new_users({"drug": sb.dispensing("Z99")}, washout_days=1), ("2010-01-01",) * 2)
        rows = pl.read_parquet(cohort)
        people = dataclasses.replace(nobody.collect(db, allow_empty=True), table=rows.to_arrow())
        started, busy = time.perf_counter(), time.process_time()
        found = sb.high_dimensional(
            people, db, ["dispensings", "diagnoses"], top=TOP, days=DAYS, minimum=MINIMUM
        )
        told = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy}
        entry = found.matrix.tocoo()
        names = pl.Series("name", list(found.names), dtype=pl.String)
        entries = pl.DataFrame({"person": rows["person"].gather(entry.row), "name": names.gather(entry.col)})
    told["peak"] = peak()
    entries.cast({"person": pl.Int32}).sort("person", "name").write_parquet(answer)
    print(json.dumps(told))


def measure(program: str, root: Path, cohort: Path, answer: Path) -> dict[str, float]:
    """Run one program in a process of its own; what it told."""
    command = [sys.executable, "-m", "benchmarks.bench_high_dimensional", "--child", program]
    command += ["--root", str(root), "--cohort", str(cohort), "--answer", str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program}: exit {done.returncode}\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {program}: {told['seconds']:.2f} s, cpu {told['cpu']:.2f} s, {told['peak']:.0f} MiB", flush=True
    )
    return told


def check_equal(answers: Path) -> None:
    """Refuse matrices that differ in a column or an entry."""
    ours, theirs = (pl.read_parquet(answers / f"{program}.parquet") for program in ("sundbench", "duckdb"))
    if not ours.equals(theirs):
        raise SystemExit(f"the matrices differ: {ours.height}, {theirs.height} entries")
    print(f"  equal: {ours['name'].n_unique()} columns, {ours.height} entries")


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", action="store_true", help="at a half and a quarter of the cohort too")
    parser.add_argument("--child", choices=("sundbench", "duckdb"), help=argparse.SUPPRESS)
    for name in ("--root", "--cohort", "--answer"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.root, chosen.cohort, chosen.answer)
        return
    from benchmarks.cohort_data import national_extract  # not in the children: it loads the whole store

    root = national_extract(chosen.persons)
    for share in (1, 2, 4) if chosen.scale else (1,):
        runs: dict[str, list[dict[str, float]]] = {"sundbench": [], "duckdb": []}
        with tempfile.TemporaryDirectory() as folder:
            cohort = Path(folder) / "cohort.parquet"
            print(f"{cohort_of(root, share, cohort)} persons in the cohort", flush=True)
            for _ in range(chosen.repeats):
                for program, told in runs.items():
                    told.append(measure(program, root, cohort, Path(folder) / f"{program}.parquet"))
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
