"""A freeze from CSV beside DuckDB alone doing the part of the work that it can do.

    python -m benchmarks.bench_freeze [--repeats 3] [--persons 600000]

DuckDB reads the same CSV files with typed casts, gives each person an integer, joins diagnoses to contacts,
writes partitions of 10,000 persons, and sorts each by person and date (verified). It checks nothing, keeps no
row back, hashes nothing. ``freeze.create`` does all of that besides. Each runs in a process of its own, in
turn; the median times and the peaks of memory are compared. Bound: 1.5 times, 3 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.nation import PERSONS, delivery, folder

PEOPLE_PER_BUCKET = 10_000
TIMES = 1.5
GIB = 3.0
_ERROR = re.compile(r"[\w.]*(Error|Exception|Killed)\b")

# DuckDB's own types for the columns of the benchmark's delivery.
TABLES = {
    "bef": (
        "referencetid",
        "{'PNR': 'VARCHAR', 'REFERENCETID': 'DATE', 'AAR': 'INTEGER', 'KOEN': 'VARCHAR', 'FOED_DATO': 'DATE',"
        " 'FAMILIE_ID': 'VARCHAR', 'MOR_ID': 'VARCHAR', 'KOM': 'VARCHAR', 'REG': 'VARCHAR'}",
    ),
    "lmdb": (
        "eksd",
        "{'PNR': 'VARCHAR', 'EKSD': 'DATE', 'ATC': 'VARCHAR', 'VNR': 'VARCHAR', 'APK': 'INTEGER',"
        " 'VOLUME': 'DOUBLE', 'PACKSIZE': 'DOUBLE', 'STRNUM': 'DOUBLE', 'INDO': 'VARCHAR', 'DOSO': 'VARCHAR',"
        " 'EKSP': 'DECIMAL(17, 2)', 'KORR': 'VARCHAR'}",
    ),
    "lpr_adm": (
        "d_inddto",
        "{'pnr': 'VARCHAR', 'recnum': 'VARCHAR', 'd_inddto': 'DATE', 'd_uddto': 'DATE',"
        " 'c_pattype': 'VARCHAR', 'c_spec': 'VARCHAR', 'c_sgh': 'VARCHAR'}",
    ),
    "lpr_diag": ("d_inddto", "{'RECNUM': 'VARCHAR', 'C_DIAG': 'VARCHAR', 'C_DIAGTYPE': 'VARCHAR'}"),
}


def duckdb_alone(source: Path, target: Path) -> None:
    """Read, cast, join, partition, sort: DuckDB at its best."""
    import duckdb

    db = duckdb.connect(config={"threads": os.cpu_count() or 1, "preserve_insertion_order": False})
    db.execute(f"SET temp_directory = '{target}/spill'; SET memory_limit = '2500MB'")

    def read(table: str) -> str:
        return (
            f"read_csv('{source}/{table}[0-9.]*csv', header=true, auto_detect=false, delim=',', quote='\"',"
            f" dateformat='%Y%m%d', columns={TABLES[table][1]})"
        )

    db.execute(
        "CREATE TABLE persons AS SELECT pnr AS identifier,"
        " CAST(row_number() OVER () - 1 AS INTEGER) AS person"
        f" FROM (SELECT DISTINCT pnr FROM {read('bef')})"
    )
    subject = "JOIN persons ON pnr = identifier"
    contact = (
        f"JOIN (SELECT recnum AS key, person, d_inddto FROM {read('lpr_adm')} {subject}) ON recnum = key"
    )
    mother = "LEFT JOIN (SELECT identifier AS m, person AS mother FROM persons) ON mor_id = m"
    (target / "staged").mkdir()
    for table, join, left_out in [
        ("bef", f"{subject} {mother}", "pnr, identifier, mor_id, m"),
        ("lmdb", subject, "pnr, identifier"),
        ("lpr_adm", subject, "pnr, identifier"),
        ("lpr_diag", contact, "key"),
    ]:
        db.execute(
            f"COPY (SELECT * EXCLUDE ({left_out}), person // {PEOPLE_PER_BUCKET} AS bucket"
            f" FROM {read(table)} {join}) TO '{target}/staged/{table}'"
            " (FORMAT parquet, PARTITION_BY (bucket), COMPRESSION lz4)"
        )
        (target / "sorted" / table).mkdir(parents=True)
        for bucket in sorted((target / "staged" / table).iterdir()):
            db.execute(
                f"COPY (SELECT * FROM read_parquet('{bucket}/*.parquet', hive_partitioning=false)"
                f" ORDER BY person, {TABLES[table][0]}) TO '{target}/sorted/{table}/{bucket.name}.parquet'"
                " (FORMAT parquet, COMPRESSION zstd)"
            )


def sundbench(source: Path, target: Path) -> None:
    """A freeze as a steward makes it."""
    from sundbench.site import Site
    from sundbench.store import freeze
    from sundbench.store.vault import Vault

    Vault.create_key(target / "key")
    freeze.create(Site(target / "home", "", target / "key"), source, "bench")


def in_order(target: Path) -> bool:
    """Whether every file's rows are sorted by person and date."""
    import polars as pl

    for table, (date, _) in TABLES.items():
        for path in target.glob(f"**/{table}/bucket*.parquet"):
            if "staged" in path.parts:
                continue
            keys = pl.scan_parquet(path).rename(str.lower).select("person", date).collect()
            if not keys.equals(keys.sort("person", date)):
                return False
    return True


def measure(which: str, source: Path) -> dict[str, float] | str:
    """Run one side in a process of its own; what it told, or its last line if it did not finish."""
    target = folder() / "freeze-out"
    _remove(target)
    target.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.bench_freeze", "--child", which, str(source), str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        _remove(target)
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        # DuckDB's own errors end in advice; the error stands where Python names it.
        named = [line for line in said if _ERROR.match(line)]
        return (named or said or [f"exit code {done.returncode}"])[-1]
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if not in_order(target):
        raise RuntimeError(f"{which}: rows are not in order")
    _remove(target)
    return told


def child(which: str, source: Path, target: Path) -> None:
    """Time one side and print it, with the peak of memory of this process."""
    # The files are read once before, so that both sides find them in the page cache or neither does.
    for path in sorted(source.iterdir()):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
    begin = time.perf_counter()
    {"duckdb": duckdb_alone, "sundbench": sundbench}[which](source, target)
    seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"s": seconds, "gib": used.ru_maxrss / 2**20, "cpu": used.ru_utime + used.ru_stime}))


def main() -> None:
    """Measure both, print medians, spread and the ratio; exit 1 if a bound is passed or a side never ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]), Path(given.child[2]))
        return
    source = delivery(given.persons)
    runs: dict[str, list[dict[str, float]]] = {"duckdb": [], "sundbench": []}
    for number in range(given.repeats):
        for which, done in runs.items():
            told = measure(which, source)
            if isinstance(told, str):
                print(f"{number + 1}/{given.repeats} {which}: did not finish: {told}", flush=True)
                continue
            done.append(told)
            print(f"{number + 1}/{given.repeats} {which}: " + json.dumps(told), flush=True)
    never = [which for which, done in runs.items() if not done]
    if never:
        print(f"{' and '.join(never)}: never finished, so there is nothing to compare")
        sys.exit(1)
    median = {
        which: {key: statistics.median(run[key] for run in done) for key in done[0]}
        for which, done in runs.items()
    }
    for which, done in runs.items():
        seconds = [run["s"] for run in done]
        print(
            f"{which:10} {median[which]['s']:7.1f} s ({min(seconds):.1f} to {max(seconds):.1f}),"
            f" {median[which]['cpu']:.0f} s of processor, peak {max(run['gib'] for run in done):.2f} GiB,"
            f" finished {len(done)} of {given.repeats} times"
        )
    ratio = median["sundbench"]["s"] / median["duckdb"]["s"]
    peak = max(run["gib"] for run in runs["sundbench"])
    work = median["sundbench"]["cpu"] / median["duckdb"]["cpu"]
    print(f"ratio {ratio:.2f} (at most {TIMES}); processor {work:.2f}; peak {peak:.2f} GiB (at most {GIB})")
    sys.exit(int(ratio > TIMES or peak > GIB))


def _remove(target: Path) -> None:
    for path in (target, *target.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(target, ignore_errors=True)


if __name__ == "__main__":
    main()
