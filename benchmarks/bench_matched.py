"""Risk-set sampling: 10 controls for each of some 20,000 cases from 600,000 persons, beside DuckDB.

    python -m benchmarks.bench_matched                   # three repeats: time, processor time, memory
    python -m benchmarks.bench_matched --persons 1200000

Cases are persons with the first ever diagnosis of a group within ten years; a control is of the case's sex
and birth year, resident, not the case, and without such a diagnosis up to and including the case's day.
DuckDB does the same over whole tables, as a join of cases and persons of the same sex and birth year whose
ten smallest hashes are kept; it knows that the delivery holds no moves and no deaths, the engine doesn't.
The controls that each draws differ, so that an audit holds both to the rule instead, over the registers as
they are: every control at risk and alike, every set full or as full as can be.

Each program runs in a process of its own, one after the other in each repeat. The engine gives age at index
too; DuckDB gives pairs of persons alone.
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

import sundbench as sb
from benchmarks.bench_cohort import peak
from benchmarks.nation import PERSONS

CODES = ("DI06", "DI07", "DI12", "DI13", "DI14", "DI15")
ENTRY = ("2006-01-01", "2015-12-31")
RATIO = 10
LIMIT = 20.0
PROGRAMS = ("sundbench", "duckdb")


def study() -> sb.Study:
    """The protocol."""
    cases = sb.onset(sb.diagnosis(CODES))
    return sb.Study(
        sb.matched(cases=cases, ratio=RATIO, on=("sex", "birth_year"), seed=1),
        ENTRY,
        covariates={"age": sb.age()},
    )


def by_sundbench(root: Path) -> pl.DataFrame:
    """As a protocol."""
    table = study().collect(sb.connect(root)).table
    return pl.DataFrame(pl.from_arrow(table.select(["set", "case", "person", "index"])))


def tables(root: Path) -> str:
    """The persons, the first diagnoses and the cases, as SQL; residence where nobody moves or dies."""
    codes = " OR ".join(f"starts_with(c_diag, '{code}')" for code in CODES)
    return f"""
CREATE TABLE people AS SELECT person, last(koen ORDER BY referencetid) sex,
  year(last(foed_dato ORDER BY referencetid)) born,
  min(referencetid) first_shown, max(referencetid) last_shown, last(foed_dato ORDER BY referencetid) birth
  FROM '{root}/bef/*.parquet' GROUP BY person;
CREATE TABLE snapshots AS SELECT DISTINCT referencetid shown FROM '{root}/bef/*.parquet';
CREATE TABLE lives AS SELECT p.*,
  CASE WHEN birth > coalesce((SELECT max(shown) FROM snapshots WHERE shown < first_shown), DATE '9999-01-01')
    THEN birth ELSE first_shown END since,
  coalesce((SELECT min(shown) FROM snapshots WHERE shown > last_shown), DATE '9999-01-01') gone FROM people p;
CREATE TABLE onsets AS SELECT person, min(d_inddto) AS onset FROM '{root}/lpr_diag/*.parquet'
  WHERE ({codes}) AND c_diagtype IN ('A', 'B') GROUP BY person;
CREATE TABLE cases AS SELECT o.person, o.onset, sex, born FROM onsets o LEFT JOIN people USING (person)
  WHERE onset BETWEEN DATE '{ENTRY[0]}' AND DATE '{ENTRY[1]}';
"""


RISK = """p.person <> c.person AND p.since <= c.onset AND p.gone > c.onset
  AND (o.onset IS NULL OR o.onset > c.onset)"""


def by_duckdb(root: Path) -> pl.DataFrame:
    """Over whole tables."""
    connection = duckdb.connect()
    connection.execute(tables(root))
    return connection.sql(
        f"""
WITH drawn AS (
  SELECT c.person own, any_value(c.onset) "index",
    arg_min(p.person, hash(p.person, c.person), {RATIO}) controls
  FROM cases c JOIN lives p USING (sex, born) LEFT JOIN onsets o ON o.person = p.person
  WHERE {RISK} GROUP BY c.person
)
SELECT row_number() OVER (ORDER BY person) "set", true "case", person, onset "index" FROM cases
UNION ALL
SELECT n, false, unnest(controls), "index" FROM drawn
  JOIN (SELECT person own, row_number() OVER (ORDER BY person) n FROM cases) USING (own)
"""
    ).pl()


BY = {"sundbench": by_sundbench, "duckdb": by_duckdb}


def audit(root: Path, answer: Path) -> dict[str, int]:
    """Hold drawn sets to the rule; gives what was counted.

    Raises:
        SystemExit: a set breaks it.
    """
    connection = duckdb.connect()
    connection.execute(tables(root))
    connection.execute(f"CREATE TABLE drawn AS SELECT * FROM '{answer}'")
    connection.execute(
        """CREATE TABLE pairs AS SELECT d."set", d.person, d."index" given, c.person own, c.onset FROM drawn d
  JOIN (SELECT "set", person FROM drawn WHERE "case") k USING ("set") JOIN cases c ON c.person = k.person
  WHERE NOT d."case" """
    )
    of_pair = RISK.replace("c.person", "c.own")
    count = {
        name: int(connection.sql(query).fetchall()[0][0])
        for name, query in {
            "cases": 'SELECT count(*) FROM drawn WHERE "case"',
            "controls": "SELECT count(*) FROM pairs",
            "cases that are none, or missing": """SELECT count(*) FROM
  (SELECT person, "index" FROM drawn WHERE "case") FULL JOIN
  (SELECT person, onset FROM cases) c USING (person)
  WHERE onset IS NULL OR "index" IS NULL OR onset <> "index" """,
            "rows without their case": """SELECT (SELECT count(*) FROM drawn WHERE NOT "case") - count(*)
  FROM pairs""",
            "drawn twice": 'SELECT count(*) - count(DISTINCT ("set", person)) FROM drawn',
            "not at risk, or not alike": f"""SELECT count(*) FROM pairs c JOIN people k ON k.person = c.own
  LEFT JOIN lives p ON p.person = c.person LEFT JOIN onsets o ON o.person = c.person
  WHERE NOT coalesce({of_pair} AND p.sex = k.sex AND p.born = k.born, false)
    OR c.given <> c.onset""",
            "short though there were more": f"""WITH short AS (SELECT c.person, c.onset, c.sex, c.born,
    count(x.person) found FROM cases c LEFT JOIN pairs x ON x.own = c.person
    GROUP BY ALL HAVING found < {RATIO})
  SELECT count(*) FROM (SELECT c.person, any_value(found) found, count(p.person) there FROM short c
    JOIN lives p USING (sex, born) LEFT JOIN onsets o ON o.person = p.person WHERE {RISK} GROUP BY c.person)
  WHERE found <> least(there, {RATIO})""",
        }.items()
    }
    wrong = {name: many for name, many in list(count.items())[2:] if many}
    if wrong or not count["controls"]:
        raise SystemExit(f"{answer.stem}: the sets break the rule: {wrong}")
    return count


def child(program: str, root: Path, answer: Path) -> None:
    """Run one program in this process; time without imports."""
    import dask.threaded  # noqa: F401 - imported before the clock starts, as DuckDB is

    import sundbench.cohort.engine  # noqa: F401

    started, busy = time.perf_counter(), time.process_time()
    frame = BY[program](root)
    told = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy, "peak": peak()}
    frame.write_parquet(answer)
    print(json.dumps(told))


def main() -> None:
    """Measure, audit, print."""
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
    runs: dict[str, list[dict[str, float]]] = {program: [] for program in PROGRAMS}
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        for repeat in range(chosen.repeats):
            for program in PROGRAMS:
                answer = Path(folder) / f"{program}.parquet"
                command = [sys.executable, "-m", "benchmarks.bench_matched", "--child", program]
                command += ["--root", str(root), "--answer", str(answer)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise SystemExit(f"{program}: {done.stderr.strip().splitlines()[-1:]}")
                told = json.loads(done.stdout.splitlines()[-1])
                runs[program].append(told)
                print(
                    f"  {repeat + 1} {program}: {told['seconds']:.2f} s, cpu {told['cpu']:.2f} s,"
                    f" {told['peak']:.0f} MiB",
                    flush=True,
                )
        for program in PROGRAMS:
            found = audit(root, Path(folder) / f"{program}.parquet")
            print(f"  {program}: {found['cases']} cases, {found['controls']} controls; every rule holds")
    median = {
        program: {key: statistics.median(one[key] for one in told) for key in ("seconds", "cpu")}
        for program, told in runs.items()
    }
    ours, theirs = median["sundbench"], median["duckdb"]
    print(
        f"{chosen.persons} persons: median {ours['seconds']:.2f} s (at most {LIMIT:.0f}), cpu"
        f" {ours['cpu']:.2f} s; ratio to DuckDB {ours['seconds'] / theirs['seconds']:.2f}, processor"
        f" {ours['cpu'] / theirs['cpu']:.2f}"
    )


if __name__ == "__main__":
    main()
