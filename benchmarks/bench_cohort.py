"""One new-user cohort, ten covariates, two outcomes: the engine beside hand-written whole-table queries.

    python -m benchmarks.bench_cohort                    # 600,000 persons, five repeats, time and memory
    python -m benchmarks.bench_cohort --limit 1536       # each program under a hard limit of memory (MiB)
    python -m benchmarks.bench_cohort --scale            # at twice the persons too

Each program runs in a process of its own, one after the other in each repeat, so that what else the machine
does meets them alike. Answers are checked equal, row by row. The engine reads the extract's buckets; Polars
and DuckDB read the same rows as one Parquet file a register. The invented data hold no corrections of
dispensings: the engine looks for them all the same, the queries only ask for ``apk > 0``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import polars as pl

import sundbench as sb
from benchmarks.cohort_data import PERSONS_A_BUCKET, build
from benchmarks.memory_limit import limited

HERE = Path(os.environ.get("SUNDBENCH_BENCH", Path.home() / ".cache" / "sundbench-bench")) / "cohort"
PROGRAMS = ("sundbench", "polars", "duckdb")
ENTRY = ("2012-01-01", "2022-12-31")
COVERED_UNTIL = "2024-12-31"
DRUGS = {"apixaban": "B01AF02", "warfarin": "B01AA03"}
COLUMNS = [
    "person",
    "drug",
    "index",
    "age",
    "sex",
    "region",
    "statin",
    "beta_blocker",
    "diuretics",
    "antidiabetics",
    "nsaid_days",
    "heart_failure",
    "stroke",
    "bleeding_time",
    "bleeding_event",
    "death_time",
    "death_event",
]


def by_sundbench(root: Path) -> pl.DataFrame:
    """The study as a protocol."""
    return pl.from_arrow(study().collect(sb.connect(root / "extract")).table)


def study() -> sb.Study:
    """The protocol."""
    return sb.Study(
        population=sb.new_users({name: sb.dispensing(atc) for name, atc in DRUGS.items()}, washout_days=365),
        entry=ENTRY,
        require={"atrial fibrillation": sb.diagnosis("DI48").before(years=10).any(), "adult": sb.age() >= 18},
        covariates={
            "age": sb.age(),
            "sex": sb.sex(),
            "region": sb.region(),
            "statin": sb.dispensing("C10AA").before(days=365).any(),
            "beta_blocker": sb.dispensing("C07").before(days=365).any(),
            "diuretics": sb.dispensing("C03").before(days=365).count(),
            "antidiabetics": sb.dispensing("A10").before(days=365).distinct(),
            "nsaid_days": sb.dispensing("M01A").before(days=730).days_since(),
            "heart_failure": sb.diagnosis("DI50").before(years=5).any(),
            "stroke": sb.diagnosis(["DI63", "DI64"]).before(years=10).any(),
        },
        outcomes={
            "bleeding": sb.diagnosis(["DK922", "DI60", "DI61", "DI62"], position="A"),
            "death": sb.death(),
        },
        follow_up=sb.follow_up(until=[sb.death()], max_days=1825),
    )


def by_polars(root: Path) -> pl.DataFrame:
    """The same, as an analyst writes it over whole tables."""

    def table(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(root / "whole" / f"{name}.parquet")

    def starts(column: str, *codes: str) -> pl.Expr:
        return pl.any_horizontal([pl.col(column).str.starts_with(code) for code in codes])

    bought = (
        table("lmdb")
        .filter(starts("atc", *DRUGS.values(), "C10AA", "C07", "C03", "A10", "M01A"), pl.col("apk") > 0)
        .select("person", "eksd", "atc")
        .collect()
    )
    drug = (
        bought.filter(pl.col("atc").is_in(list(DRUGS.values())))
        .group_by("person", "eksd")
        .agg(pl.col("atc").n_unique().alias("n"), pl.col("atc").first())
        .sort("person", "eksd")
        .with_columns((pl.col("eksd") - pl.col("eksd").shift(1).over("person")).dt.total_days().alias("gap"))
    )
    entry = pl.col("eksd").is_between(pl.lit(ENTRY[0]).str.to_date(), pl.lit(ENTRY[1]).str.to_date())
    users = (
        drug.filter(entry & (pl.col("gap").is_null() | (pl.col("gap") > 365)))
        .unique("person", keep="first", maintain_order=True)
        .filter(pl.col("n") == 1)
        .select("person", pl.col("eksd").alias("index"), pl.col("atc").alias("drug"))
    )
    diagnoses = pl.concat(
        [
            table("lpr_diag").select(
                "person",
                pl.col("d_inddto").alias("date"),
                pl.col("c_diag").alias("code"),
                pl.col("c_diagtype").alias("type"),
            ),
            table("lpr3a_diagnose")
            .filter(pl.col("senere_afkraeftet") != "Ja")
            .select(
                "person",
                pl.col("kont_starttidspunkt").cast(pl.Date).alias("date"),
                pl.col("diag_kode").alias("code"),
                pl.col("diag_type").alias("type"),
            ),
        ]
    )
    found = (
        diagnoses.filter(
            starts("code", "DI48", "DI50", "DI63", "DI64", "DK922", "DI60", "DI61", "DI62")
            & pl.col("type").is_in(["A", "B"])
        )
        .join(users.lazy(), on="person")
        .with_columns((pl.col("date") - pl.col("index")).dt.total_days().alias("day"))
        .group_by("person")
        .agg(
            (starts("code", "DI48") & pl.col("day").is_between(-3652, -1)).any().alias("af"),
            (starts("code", "DI50") & pl.col("day").is_between(-1826, -1)).any().alias("heart_failure"),
            (starts("code", "DI63", "DI64") & pl.col("day").is_between(-3652, -1)).any().alias("stroke"),
            pl.when(
                starts("code", "DK922", "DI60", "DI61", "DI62")
                & (pl.col("type") == "A")
                & (pl.col("day") >= 1)
            )
            .then(pl.col("day"))
            .min()
            .alias("bleeding"),
        )
        .filter("af")
        .collect()
    )
    users = users.join(found, on="person")
    one = users.select("person", "index")
    medicines = (
        bought.lazy()
        .join(one.lazy(), on="person")
        .with_columns((pl.col("eksd") - pl.col("index")).dt.total_days().alias("day"))
        .group_by("person")
        .agg(
            (starts("atc", "C10AA") & pl.col("day").is_between(-365, -1)).any().alias("statin"),
            (starts("atc", "C07") & pl.col("day").is_between(-365, -1)).any().alias("beta_blocker"),
            (starts("atc", "C03") & pl.col("day").is_between(-365, -1))
            .sum()
            .cast(pl.Int32)
            .alias("diuretics"),
            pl.when(starts("atc", "A10") & pl.col("day").is_between(-365, -1))
            .then(pl.col("atc"))
            .drop_nulls()
            .n_unique()
            .cast(pl.Int32)
            .alias("antidiabetics"),
            -pl.when(starts("atc", "M01A") & pl.col("day").is_between(-730, -1))
            .then(pl.col("day"))
            .max()
            .alias("nsaid_days"),
        )
    )
    people = (
        table("bef")
        .join(one.lazy(), on="person")
        .sort("person", "referencetid")
        .group_by("person")
        .agg(
            pl.col("foed_dato").last(),
            pl.col("koen").last(),
            pl.col("reg").filter(pl.col("referencetid") <= pl.col("index")).last(),
        )
    )
    medicines, people, died = pl.collect_all(
        [medicines, people, table("dod").join(one.lazy(), on="person", how="semi")]
    )
    frame = (
        users.join(medicines, on="person", how="left")
        .join(people, on="person", how="left")
        .join(died, on="person", how="left")
    )
    born, index = pl.col("foed_dato"), pl.col("index")
    early = (index.dt.month() < born.dt.month()) | (
        (index.dt.month() == born.dt.month()) & (index.dt.day() < born.dt.day())
    )
    death_day = (pl.col("doddato") - index).dt.total_days()
    last = pl.min_horizontal(
        death_day, pl.lit(1825), (pl.lit(COVERED_UNTIL).str.to_date() - index).dt.total_days()
    )
    return (
        frame.with_columns(
            (index.dt.year() - born.dt.year() - early.cast(pl.Int32)).alias("age"), last.alias("last")
        )
        .filter((pl.col("age") >= 18) & (pl.col("last") > 0))
        .select(
            "person",
            pl.col("drug").replace_strict({atc: name for name, atc in DRUGS.items()}),
            "index",
            "age",
            pl.col("koen").replace_strict({"1": "male", "2": "female"}).alias("sex"),
            pl.col("reg")
            .replace_strict(
                {
                    "81": "North Denmark",
                    "82": "Central Denmark",
                    "83": "Southern Denmark",
                    "84": "Capital",
                    "85": "Zealand",
                }
            )
            .alias("region"),
            "statin",
            "beta_blocker",
            "diuretics",
            "antidiabetics",
            "nsaid_days",
            "heart_failure",
            "stroke",
            pl.min_horizontal("bleeding", "last").alias("bleeding_time"),
            (pl.col("bleeding") <= pl.col("last")).fill_null(value=False).alias("bleeding_event"),
            pl.col("last").alias("death_time"),
            (death_day <= pl.col("last")).fill_null(value=False).alias("death_event"),
        )
        .sort("person")
    )


DUCKDB = """
WITH bought AS MATERIALIZED (
  SELECT person, eksd, atc FROM '{root}/whole/lmdb.parquet'
  WHERE apk > 0 AND (starts_with(atc, 'B01AF02') OR starts_with(atc, 'B01AA03')
    OR starts_with(atc, 'C10AA') OR starts_with(atc, 'C07') OR starts_with(atc, 'C03')
    OR starts_with(atc, 'A10') OR starts_with(atc, 'M01A'))
), days AS (
  SELECT person, eksd, count(DISTINCT atc) n, min(atc) atc,
    eksd - lag(eksd) OVER (PARTITION BY person ORDER BY eksd) gap
  FROM bought WHERE atc IN ('B01AF02', 'B01AA03') GROUP BY person, eksd
), users AS MATERIALIZED (
  SELECT person, arg_min(atc, eksd) drug, min(eksd) "index" FROM days
  WHERE eksd BETWEEN DATE '2012-01-01' AND DATE '2022-12-31' AND (gap IS NULL OR gap > 365)
  GROUP BY person HAVING arg_min(n, eksd) = 1
), diagnoses AS (
  SELECT person, d_inddto date, c_diag code, c_diagtype type FROM '{root}/whole/lpr_diag.parquet'
  UNION ALL
  SELECT person, kont_starttidspunkt::DATE, diag_kode, diag_type FROM '{root}/whole/lpr3a_diagnose.parquet'
  WHERE senere_afkraeftet <> 'Ja'
), found AS MATERIALIZED (
  SELECT person, any_value("index") "index", any_value(drug) drug,
    bool_or(code[:4] = 'DI50' AND date - "index" BETWEEN -1826 AND -1) heart_failure,
    bool_or(code[:4] IN ('DI63', 'DI64') AND date - "index" BETWEEN -3652 AND -1) stroke,
    min(CASE WHEN (code[:5] = 'DK922' OR code[:4] IN ('DI60', 'DI61', 'DI62')) AND type = 'A'
      AND date > "index" THEN date - "index" END) bleeding
  FROM diagnoses JOIN users USING (person)
  WHERE (code[:4] IN ('DI48', 'DI50', 'DI63', 'DI64', 'DI60', 'DI61', 'DI62') OR code[:5] = 'DK922')
    AND type IN ('A', 'B')
  GROUP BY person HAVING bool_or(code[:4] = 'DI48' AND date - "index" BETWEEN -3652 AND -1)
), medicines AS (
  SELECT person,
    bool_or(starts_with(atc, 'C10AA') AND day BETWEEN -365 AND -1) statin,
    bool_or(starts_with(atc, 'C07') AND day BETWEEN -365 AND -1) beta_blocker,
    count(*) FILTER (starts_with(atc, 'C03') AND day BETWEEN -365 AND -1) diuretics,
    count(DISTINCT atc) FILTER (starts_with(atc, 'A10') AND day BETWEEN -365 AND -1) antidiabetics,
    -max(day) FILTER (starts_with(atc, 'M01A') AND day BETWEEN -730 AND -1) nsaid_days
  FROM (SELECT person, atc, eksd - "index" AS day FROM bought JOIN found USING (person)) GROUP BY person
), people AS (
  SELECT person, arg_max(foed_dato, referencetid) born, arg_max(koen, referencetid) koen,
    arg_max(reg, referencetid) FILTER (referencetid <= "index") reg
  FROM '{root}/whole/bef.parquet' JOIN found USING (person) GROUP BY person
), ended AS (
  SELECT found.*, medicines.* EXCLUDE (person), people.* EXCLUDE (person),
    (date_diff('year', born, "index")
      - CASE WHEN (month("index"), day("index")) < (month(born), day(born)) THEN 1 ELSE 0 END) age,
    doddato - "index" death_day,
    least(coalesce(doddato - "index", 1825), 1825, DATE '2024-12-31' - "index") AS last
  FROM found LEFT JOIN medicines USING (person) LEFT JOIN people USING (person)
  LEFT JOIN '{root}/whole/dod.parquet' AS died USING (person)
)
SELECT person, CASE drug WHEN 'B01AF02' THEN 'apixaban' ELSE 'warfarin' END drug, "index", age,
  CASE koen WHEN '1' THEN 'male' ELSE 'female' END sex,
  CASE reg WHEN '81' THEN 'North Denmark' WHEN '82' THEN 'Central Denmark' WHEN '83' THEN 'Southern Denmark'
    WHEN '84' THEN 'Capital' WHEN '85' THEN 'Zealand' END region,
  statin, beta_blocker, diuretics, antidiabetics, nsaid_days, heart_failure, stroke,
  least(coalesce(bleeding, last), last) bleeding_time, coalesce(bleeding <= last, false) bleeding_event,
  last death_time, coalesce(death_day <= last, false) death_event
FROM ended WHERE age >= 18 AND last > 0 ORDER BY person
"""


def by_duckdb(root: Path) -> pl.DataFrame:
    """The same in SQL."""
    connection = duckdb.connect()
    temporary = root / "spill"
    connection.execute(f"SET temp_directory = '{temporary}'")
    limit = os.environ.get("SUNDBENCH_BENCH_DUCKDB_MEMORY")
    if limit:
        connection.execute(f"SET memory_limit = '{limit}'")
    return connection.sql(DUCKDB.format(root=root)).pl()


TOLD: dict[str, float] = {}
"""What a program measures itself."""


def by_cluster(root: Path) -> pl.DataFrame:
    """The study as a protocol, on a local cluster of two processes; its start is told apart."""
    from distributed import Client, LocalCluster

    started = time.perf_counter()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(lambda: __import__("sundbench.cohort.engine"))
        TOLD["start"] = time.perf_counter() - started
        started = time.perf_counter()
        table = study().collect(sb.connect(root / "extract"), client=client).table
        TOLD["seconds"] = time.perf_counter() - started
        peaks = client.run(lambda: __import__("resource").getrusage(0).ru_maxrss / 1024)
        TOLD["worker"] = max(peaks.values())
    return pl.from_arrow(table)


BY = {"sundbench": by_sundbench, "polars": by_polars, "duckdb": by_duckdb, "cluster": by_cluster}


def child(program: str, root: Path, answer: Path) -> None:
    """Run one program in this process; time without imports."""
    import dask.threaded  # noqa: F401 - imported before the clock starts, as Polars and DuckDB are

    import sundbench.cohort.engine  # noqa: F401

    started, busy = time.perf_counter(), time.process_time()
    frame = BY[program](root)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    comparable(frame).write_parquet(answer)
    print(json.dumps({"seconds": seconds, "cpu": busy, "peak": peak, "rows": frame.height, **TOLD}))


def comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """An answer in one spelling of types and order."""
    return frame.select(
        pl.col(name).cast(
            pl.String if name in ("drug", "sex", "region") else pl.Date if name == "index" else pl.Int64
        )
        for name in COLUMNS
    ).sort("person")


def measure(program: str, root: Path, limit: int | None) -> dict[str, float] | str:
    """Run one program in a process of its own; what it told, or why it didn't finish."""
    command = [sys.executable, "-m", "benchmarks.bench_cohort", "--child", program, "--root", str(root)]
    if limit is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    else:
        with limited(limit) as (enter, _):
            done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=enter)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return f"exit {done.returncode} {last[0][:100]}"
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def side_by_side(
    root: Path, programs: list[str], repeats: int, limit: int | None
) -> dict[str, list[dict[str, float]]]:
    """Every program once in each repeat."""
    runs: dict[str, list[dict[str, float]]] = {program: [] for program in programs}
    for repeat in range(repeats):
        for program in programs:
            told = measure(program, root, limit)
            if isinstance(told, str):
                print(f"  {program}: did not finish: {told}")
                continue
            runs[program].append(told)
            seconds, busy, peak = told["seconds"], told["cpu"], told.get("worker", told["peak"])
            print(f"  {repeat + 1} {program}: {seconds:.2f} s, cpu {busy:.2f} s, {peak:.0f} MiB", flush=True)
    return runs


def check_equal(root: Path, programs: list[str]) -> None:
    """Refuse answers that differ in any row."""
    answers = {program: pl.read_parquet(root / f"answer-{program}.parquet") for program in programs}
    first = answers[programs[0]]
    for program, answer in answers.items():
        if not answer.equals(first):
            differs = [c for c in COLUMNS if answer.height != first.height or not answer[c].equals(first[c])]
            raise SystemExit(
                f"{program} and {programs[0]} differ: {answer.height}, {first.height} rows; {differs}"
            )
    print(f"  answers equal, row by row: {first.height} rows, {len(COLUMNS)} columns")


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Print medians, spread and ratios; give the medians."""
    medians = {}
    for program, told in runs.items():
        if told:
            seconds = [one["seconds"] for one in told]
            medians[program] = statistics.median(seconds)
            start = (
                f", cluster start {statistics.median(one['start'] for one in told):.1f} s"
                if "start" in told[0]
                else ""
            )
            peak = max(one.get("worker", one["peak"]) for one in told)
            print(
                f"  {program}: median {medians[program]:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
                f"cpu {statistics.median(one['cpu'] for one in told):.2f} s, peak {peak:.0f} MiB{start}"
            )
    others = [medians[program] for program in ("polars", "duckdb") if program in medians]
    if others and "sundbench" in medians:
        print(f"  ratio to the faster of the others: {medians['sundbench'] / min(others):.2f}")
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=600_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=int, help="hard limit of memory for each program, MiB")
    parser.add_argument("--scale", action="store_true", help="at twice the persons too")
    parser.add_argument("--cluster", action="store_true", help="on a local cluster of two processes too")
    parser.add_argument("--child", choices=sorted(BY), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.root, chosen.root / f"answer-{chosen.child}.parquet")
        return
    programs = [*PROGRAMS, *(["cluster"] if chosen.cluster else [])]
    sizes = [chosen.persons, 2 * chosen.persons] if chosen.scale else [chosen.persons]
    medians = []
    for persons in sizes:
        root = build(HERE / str(persons), persons // PERSONS_A_BUCKET)
        under = f", under {chosen.limit} MiB in all" if chosen.limit else ""
        print(f"{persons} persons{under}")
        runs = side_by_side(root, programs, chosen.repeats, chosen.limit)
        finished = [program for program in programs if runs[program]]
        if finished:
            check_equal(root, finished)
        medians.append(summary(runs))
    if len(medians) == 2 and all("sundbench" in one for one in medians):
        print(f"time at twice the persons: {medians[1]['sundbench'] / medians[0]['sundbench']:.2f} times")


if __name__ == "__main__":
    main()
