"""One new-user cohort, ten covariates, two outcomes: the engine beside hand-written whole-table queries.

    python -m benchmarks.bench_cohort                    # 600,000 persons, five repeats, time and memory
    python -m benchmarks.bench_cohort --limit 1536       # each program under a hard limit of memory (MiB)
    python -m benchmarks.bench_cohort --scale            # at twice the persons too
    python -m benchmarks.bench_cohort --covariates 50    # ten and fifty covariates, and how much dearer

The data are the benchmark's delivery (``benchmarks.nation``) after freeze and extract, and all programs read
the extract's Parquet files: the engine bucket by bucket, Polars and DuckDB as whole tables. Codes in that
delivery mean nothing, so the study only has the shape of one: some thousands of persons in the end, six in
a hundred dispensings of interest. It holds no deaths and no LPR3.

The delivery holds corrections of dispensings (three in a thousand rows), and whoever counts dispensings has
to net them. So the queries net by the engine's rule (``sundbench.cohort.views.netting``), in the cheapest
way known: only the rows of persons with a correction among the drugs of the study are sorted and netted,
the others are taken as they are. Each correction takes back a dispensing of the same person and product.

Each program runs in a process of its own, one after the other in each repeat, so that what else the machine
does meets them alike; ratios are given of the time and of the processors' time. Answers are checked equal,
row by row.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

import sundbench as sb
from benchmarks import cohort_protocol, more_covariates
from benchmarks.cohort_protocol import DIABETES, DRUGS, ENTRY, HEART, HYPERTENSION, LUNGS, ULCER
from benchmarks.memory_limit import limited
from benchmarks.nation import PERSONS

PROGRAMS = ("sundbench", "polars", "duckdb")
TEN, MANY = 10, 50
TIMES = {TEN: 1.3, MANY: 1.0}
WORKER = 1024  # MiB
TWICE = 2.1
FIFTY = 2.0
MEDICINES = (*DRUGS.values(), "C10", "C07", "C03", "A10", "M05", "B01")
COLUMNS = [
    "person",
    "drug",
    "index",
    "age",
    "sex",
    "lipid_lowering",
    "beta_blockers",
    "diuretics",
    "antidiabetics",
    "bone_days",
    "antithrombotic_packages",
    "hypertension",
    "diabetes",
    "lungs_time",
    "lungs_event",
    "ulcer_time",
    "ulcer_event",
]


def columns(covariates: int) -> list[str]:
    """The columns of an answer."""
    return [*COLUMNS, *(more_covariates.names() if covariates == MANY else ())]


def by_sundbench(root: Path, covariates: int) -> pl.DataFrame:
    """The study as a protocol."""
    return pl.from_arrow(study(covariates).collect(sb.connect(root)).table)


def study(covariates: int) -> sb.Study:
    """The protocol."""
    return cohort_protocol.study(more_covariates.features() if covariates == MANY else {})


def covered_until(root: Path) -> str:
    """The last day of the extract's diagnoses: follow-up ends there."""
    manifest = json.loads((root / "extract.json").read_bytes())
    until: str = manifest["registers"]["lpr_diag"]["coverage"]["until"]
    return until


def by_polars(root: Path, covariates: int) -> pl.DataFrame:
    """The same, as an analyst writes it over whole tables."""
    many = covariates == MANY
    groups = (*MEDICINES, *more_covariates.MEDICINES) if many else MEDICINES
    categories = more_covariates.DIAGNOSES if many else ()

    def table(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(root / name / "*.parquet")

    group = pl.col("atc").str.slice(0, 3)
    dispensed = table("lmdb").select("person", "eksd", "atc", "vnr", "apk", group.alias("group"))
    # Of many medicines all rows are more than one wants to net: who enters is found by the drugs alone.
    first = list(DRUGS.values()) if many else groups
    bought = netted(dispensed.filter(group.is_in(first)).collect())
    drug = (
        bought.filter(pl.col("group").is_in(list(DRUGS.values())))
        .group_by("person", "eksd")
        .agg(pl.col("group").n_unique().alias("n"), pl.col("group").first().alias("drug"))
        .sort("person", "eksd")
        .with_columns((pl.col("eksd") - pl.col("eksd").shift(1).over("person")).dt.total_days().alias("gap"))
    )
    entry = pl.col("eksd").is_between(pl.lit(ENTRY[0]).str.to_date(), pl.lit(ENTRY[1]).str.to_date())
    users = (
        drug.filter(entry & (pl.col("gap").is_null() | (pl.col("gap") > 365)))
        .unique("person", keep="first", maintain_order=True)
        .filter(pl.col("n") == 1)
        .select("person", pl.col("eksd").alias("index"), "drug")
    )
    day = pl.col("day")
    code = pl.col("c_diag").str.slice(0, 4)
    found = (
        table("lpr_diag")
        .filter(
            code.is_in([*HEART, *HYPERTENSION, *DIABETES, *LUNGS, *ULCER, *categories])
            & pl.col("c_diagtype").is_in(["A", "B"])
        )
        .join(users.lazy(), on="person")
        .select(
            "person",
            code.alias("code"),
            pl.col("c_diagtype").alias("type"),
            (pl.col("d_inddto") - pl.col("index")).dt.total_days().alias("day"),
        )
        .group_by("person")
        .agg(
            (pl.col("code").is_in(HEART) & day.is_between(-3652, -1)).any().alias("heart"),
            (pl.col("code").is_in(HYPERTENSION) & day.is_between(-1826, -1)).any().alias("hypertension"),
            (pl.col("code").is_in(DIABETES) & day.is_between(-3652, -1)).any().alias("diabetes"),
            pl.when(pl.col("code").is_in(LUNGS) & (pl.col("type") == "A") & (day >= 1))
            .then(day)
            .min()
            .alias("lungs"),
            pl.when(pl.col("code").is_in(ULCER) & (day >= 1)).then(day).min().alias("ulcer"),
            *(more_covariates.in_polars(more_covariates.diagnoses(), "code") if many else ()),
        )
        .filter("heart")
        .collect()
    )
    users = users.join(found, on="person")
    if many:
        theirs = pl.col("person").is_in(users["person"].implode())
        bought = netted(dispensed.filter(theirs & group.is_in(groups)).collect())
    one = users.lazy().select("person", "index")
    year = day.is_between(-365, -1)
    medicines = (
        bought.lazy()
        .join(one, on="person")
        .with_columns((pl.col("eksd") - pl.col("index")).dt.total_days().alias("day"))
        .group_by("person")
        .agg(
            ((pl.col("group") == "C10") & year).any().alias("lipid_lowering"),
            ((pl.col("group") == "C07") & year).any().alias("beta_blockers"),
            ((pl.col("group") == "C03") & year).sum().alias("diuretics"),
            pl.when((pl.col("group") == "A10") & year)
            .then(pl.col("atc"))
            .drop_nulls()
            .n_unique()
            .alias("antidiabetics"),
            -pl.when((pl.col("group") == "M05") & day.is_between(-730, -1))
            .then(day)
            .max()
            .alias("bone_days"),
            pl.when((pl.col("group") == "B01") & year)
            .then(pl.col("apk"))
            .sum()
            .alias("antithrombotic_packages"),
            *(more_covariates.in_polars(more_covariates.medicines(), "group") if many else ()),
        )
    )
    people = (
        table("bef")
        .join(one, on="person")
        .sort("person", "referencetid")
        .group_by("person")
        .agg(pl.col("foed_dato").last(), pl.col("koen").last())
    )
    medicines, people = pl.collect_all([medicines, people])
    born, index = pl.col("foed_dato"), pl.col("index")
    early = (index.dt.month() < born.dt.month()) | (
        (index.dt.month() == born.dt.month()) & (index.dt.day() < born.dt.day())
    )
    last = pl.min_horizontal(
        pl.lit(1825), (pl.lit(covered_until(root)).str.to_date() - index).dt.total_days()
    )
    return (
        users.join(medicines, on="person", how="left")
        .join(people, on="person", how="left")
        .with_columns(
            (index.dt.year() - born.dt.year() - early.cast(pl.Int32)).alias("age"), last.alias("last")
        )
        .filter((pl.col("age") >= 18) & (pl.col("last") > 0))
        .with_columns(
            pl.col("drug").replace_strict({atc: name for name, atc in DRUGS.items()}),
            pl.col("koen").replace_strict({"1": "male", "2": "female"}).alias("sex"),
            pl.min_horizontal("lungs", "last").alias("lungs_time"),
            (pl.col("lungs") <= pl.col("last")).fill_null(value=False).alias("lungs_event"),
            pl.min_horizontal("ulcer", "last").alias("ulcer_time"),
            (pl.col("ulcer") <= pl.col("last")).fill_null(value=False).alias("ulcer_event"),
        )
        .select(columns(covariates))
        .sort("person")
    )


def netted(bought: pl.DataFrame) -> pl.DataFrame:
    """What corrections leave of dispensings, with the packages that are left."""
    product = ["person", "atc", "vnr"]
    corrected = pl.col("person").is_in(bought.filter(pl.col("apk") <= 0)["person"].unique().implode())
    total = pl.col("apk").cum_sum().over(product)
    height = pl.col("total") - pl.min_horizontal(pl.col("total").cum_min().over(product), 0)
    lowest = pl.col("height").cum_min(reverse=True).over(product)
    kept = pl.min_horizontal("apk", pl.col("lowest") - pl.col("height") + pl.col("apk"))
    left = (
        bought.filter(corrected)
        .sort(*product, "eksd", pl.col("apk") <= 0, "apk")
        .with_columns(total.alias("total"))
        .with_columns(height.alias("height"))
        .with_columns(lowest.alias("lowest"))
        .with_columns(kept.alias("apk"))
        .filter(pl.col("apk") > 0)
        .select(bought.columns)
    )
    return pl.concat([bought.filter(~corrected), left])


def listed(codes: tuple[str, ...]) -> str:
    """Codes as SQL lists them."""
    return ", ".join(f"'{code}'" for code in codes)


NETTED = """{into}_registered AS MATERIALIZED (
  SELECT person, eksd, atc, vnr, apk, atc[:3] "group" FROM '{root}/lmdb/*.parquet'
  WHERE ({medicines}){among}
), {into}_placed AS (
  SELECT *, row_number() OVER (PARTITION BY person, atc, vnr ORDER BY eksd, apk <= 0, apk) place
  FROM {into}_registered WHERE person IN (SELECT person FROM {into}_registered WHERE apk <= 0)
), {into}_totals AS (
  SELECT *, sum(apk) OVER (PARTITION BY person, atc, vnr ORDER BY place) total FROM {into}_placed
), {into}_heights AS (
  SELECT *, total - least(min(total) OVER (PARTITION BY person, atc, vnr ORDER BY place), 0) height
  FROM {into}_totals
), {into}_lowest AS (
  SELECT *, min(height) OVER (PARTITION BY person, atc, vnr ORDER BY place
    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) lowest FROM {into}_heights
), {into} AS MATERIALIZED (
  SELECT person, eksd, atc, "group", apk FROM {into}_registered
  WHERE person NOT IN (SELECT person FROM {into}_registered WHERE apk <= 0)
  UNION ALL
  SELECT person, eksd, atc, "group", least(apk, lowest - height + apk) FROM {into}_lowest
  WHERE apk > 0 AND lowest - height + apk > 0
)"""

DUCKDB = """
WITH {started}, days AS (
  SELECT person, eksd, count(DISTINCT "group") n, min("group") drug,
    eksd - lag(eksd) OVER (PARTITION BY person ORDER BY eksd) gap
  FROM started WHERE "group" IN ({drugs}) GROUP BY person, eksd
), users AS MATERIALIZED (
  SELECT person, arg_min(drug, eksd) drug, min(eksd) "index" FROM days
  WHERE eksd BETWEEN DATE '{first}' AND DATE '{last}' AND (gap IS NULL OR gap > 365)
  GROUP BY person HAVING arg_min(n, eksd) = 1
), found AS MATERIALIZED (
  SELECT person, any_value("index") "index", any_value(drug) drug,
    bool_or(code IN ({hypertension}) AND day BETWEEN -1826 AND -1) hypertension,
    bool_or(code IN ({diabetes}) AND day BETWEEN -3652 AND -1) diabetes,
    min(day) FILTER (code IN ({lungs}) AND type = 'A' AND day > 0) lungs,
    min(day) FILTER (code IN ({ulcer}) AND day > 0) ulcer{more_diagnoses}
  FROM (
    SELECT users.*, c_diag[:4] code, c_diagtype type, d_inddto - "index" AS day
    FROM '{root}/lpr_diag/*.parquet' JOIN users USING (person)
    WHERE c_diag[:4] IN ({heart}, {hypertension}, {diabetes}, {lungs}, {ulcer}{categories})
      AND c_diagtype IN ('A', 'B')
  )
  GROUP BY person HAVING bool_or(code IN ({heart}) AND day BETWEEN -3652 AND -1)
), {bought}, medicines AS (
  SELECT person,
    bool_or("group" = 'C10' AND day BETWEEN -365 AND -1) lipid_lowering,
    bool_or("group" = 'C07' AND day BETWEEN -365 AND -1) beta_blockers,
    count(*) FILTER ("group" = 'C03' AND day BETWEEN -365 AND -1) diuretics,
    count(DISTINCT atc) FILTER ("group" = 'A10' AND day BETWEEN -365 AND -1) antidiabetics,
    -max(day) FILTER ("group" = 'M05' AND day BETWEEN -730 AND -1) bone_days,
    coalesce(sum(apk) FILTER ("group" = 'B01' AND day BETWEEN -365 AND -1), 0)
      antithrombotic_packages{more_medicines}
  FROM (SELECT person, atc, "group", apk, eksd - "index" AS day FROM bought JOIN found USING (person))
  GROUP BY person
), people AS (
  SELECT person, arg_max(foed_dato, referencetid) born, arg_max(koen, referencetid) koen
  FROM '{root}/bef/*.parquet' JOIN found USING (person) GROUP BY person
), ended AS (
  SELECT found.*, medicines.* EXCLUDE (person), people.* EXCLUDE (person),
    (date_diff('year', born, "index")
      - CASE WHEN (month("index"), day("index")) < (month(born), day(born)) THEN 1 ELSE 0 END) age,
    least(1825, DATE '{until}' - "index") AS last
  FROM found LEFT JOIN medicines USING (person) LEFT JOIN people USING (person)
)
SELECT person, CASE drug WHEN '{drug}' THEN '{drug_name}' ELSE '{other_name}' END drug, "index", age,
  CASE koen WHEN '1' THEN 'male' ELSE 'female' END sex,
  lipid_lowering, beta_blockers, diuretics, antidiabetics, bone_days, antithrombotic_packages,
  hypertension, diabetes,
  least(coalesce(lungs, last), last) lungs_time, coalesce(lungs <= last, false) lungs_event,
  least(coalesce(ulcer, last), last) ulcer_time, coalesce(ulcer <= last, false) ulcer_event{more}
FROM ended WHERE age >= 18 AND last > 0 ORDER BY person
"""


def by_duckdb(root: Path, covariates: int, limit: int | None = None) -> pl.DataFrame:
    """The same in SQL; under a limit DuckDB is told of two thirds of it, and spills the rest."""
    many = covariates == MANY
    groups = (*MEDICINES, *more_covariates.MEDICINES) if many else MEDICINES
    (drug_name, drug), (other_name, _) = DRUGS.items()

    def chain(into: str, groups: tuple[str, ...], among: str = "") -> str:
        starts = " OR ".join(f"starts_with(atc, '{atc}')" for atc in groups)  # twice as fast as IN
        return NETTED.format(into=into, root=root, medicines=starts, among=among)

    # As in Polars: of many medicines only the rows of those who are found are read and netted.
    theirs = chain("bought", groups, " AND person IN (SELECT person FROM found)")
    query = DUCKDB.format(
        root=root,
        started=chain("started", tuple(DRUGS.values()) if many else groups),
        bought=theirs if many else "bought AS (SELECT * FROM started)",
        drugs=listed(tuple(DRUGS.values())),
        first=ENTRY[0],
        last=ENTRY[1],
        heart=listed(HEART),
        hypertension=listed(HYPERTENSION),
        diabetes=listed(DIABETES),
        lungs=listed(LUNGS),
        ulcer=listed(ULCER),
        until=covered_until(root),
        drug=drug,
        drug_name=drug_name,
        other_name=other_name,
        categories=f", {listed(more_covariates.DIAGNOSES)}" if many else "",
        more_diagnoses=more_covariates.in_sql(more_covariates.diagnoses(), "code") if many else "",
        more_medicines=more_covariates.in_sql(more_covariates.medicines(), '"group"') if many else "",
        more="".join(f", {name}" for name in more_covariates.names()) if many else "",
    )
    with tempfile.TemporaryDirectory(dir=root.parent) as spill:
        connection = duckdb.connect(config={"temp_directory": spill})
        if limit is not None:
            connection.execute(f"SET memory_limit = '{limit * 2 // 3}MiB'")
        return connection.sql(query).pl()


TOLD: dict[str, float] = {}
"""What a program measures itself."""


def by_cluster(root: Path, covariates: int) -> pl.DataFrame:
    """The study as a protocol, on a local cluster of two processes; its start is told apart."""
    from distributed import Client, LocalCluster

    started = time.perf_counter()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(lambda: __import__("sundbench.cohort.engine"))
        TOLD["start"] = time.perf_counter() - started
        busy = sum(client.run(time.process_time).values()) + time.process_time()
        started = time.perf_counter()
        table = study(covariates).collect(sb.connect(root), client=client).table
        TOLD["seconds"] = time.perf_counter() - started
        TOLD["cpu"] = sum(client.run(time.process_time).values()) + time.process_time() - busy
        TOLD["worker"] = max(client.run(peak).values())
    return pl.from_arrow(table)


def peak() -> float:
    """The most memory that this process has held, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


BY = {"sundbench": by_sundbench, "polars": by_polars, "duckdb": by_duckdb, "cluster": by_cluster}


def child(program: str, root: Path, answer: Path, covariates: int, limit: int | None) -> None:
    """Run one program in this process; time without imports."""
    import dask.threaded  # noqa: F401 - imported before the clock starts, as Polars and DuckDB are

    import sundbench.cohort.engine  # noqa: F401

    started, busy = time.perf_counter(), time.process_time()
    frame = by_duckdb(root, covariates, limit) if program == "duckdb" else BY[program](root, covariates)
    told = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - busy, "peak": peak()}
    comparable(frame, covariates).write_parquet(answer)
    print(json.dumps(told | TOLD))


def comparable(frame: pl.DataFrame, covariates: int) -> pl.DataFrame:
    """An answer in one spelling of types and order."""
    return frame.select(
        pl.col(name).cast(pl.String if name in ("drug", "sex") else pl.Date if name == "index" else pl.Int64)
        for name in columns(covariates)
    ).sort("person")


def measure(
    program: str, root: Path, answer: Path, covariates: int, limit: int | None
) -> dict[str, float] | str:
    """Run one program in a process of its own; what it told, or why it didn't finish."""
    command = [sys.executable, "-m", "benchmarks.bench_cohort", "--child", program]
    command += ["--root", str(root), "--answer", str(answer), "--covariates", str(covariates)]
    if limit is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    else:
        command += ["--limit", str(limit)]
        with limited(limit) as (enter, _):
            done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=enter)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return f"exit {done.returncode} {last[0][:100]}"
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def side_by_side(
    root: Path, answers: Path, programs: list[str], *, repeats: int, covariates: int, limit: int | None
) -> dict[str, list[dict[str, float]]]:
    """Every program once in each repeat."""
    runs: dict[str, list[dict[str, float]]] = {program: [] for program in programs}
    for repeat in range(repeats):
        for program in programs:
            told = measure(program, root, answers / f"{program}.parquet", covariates, limit)
            if isinstance(told, str):
                print(f"  {repeat + 1} {program}: did not finish: {told}", flush=True)
                continue
            runs[program].append(told)
            print(
                f"  {repeat + 1} {program}: {told['seconds']:.2f} s, cpu {told['cpu']:.2f} s,"
                f" {told.get('worker', told['peak']):.0f} MiB",
                flush=True,
            )
    return runs


def check_equal(answers: Path, programs: list[str]) -> None:
    """Refuse answers that differ in any row."""
    first, *others = [pl.read_parquet(answers / f"{program}.parquet") for program in programs]
    for program, answer in zip(programs[1:], others, strict=True):
        if not answer.equals(first):
            differs = [
                c for c in first.columns if answer.height != first.height or not answer[c].equals(first[c])
            ]
            raise SystemExit(
                f"{program} and {programs[0]} differ: {answer.height}, {first.height} rows; {differs}"
            )
    print(f"  answers equal, row by row: {first.height} rows, {first.width} columns")


def summary(runs: dict[str, list[dict[str, float]]], covariates: int) -> dict[str, dict[str, float]]:
    """Print medians, spread, peaks and ratios; give them."""
    medians: dict[str, dict[str, float]] = {}
    for program, told in runs.items():
        if not told:
            continue
        seconds = [one["seconds"] for one in told]
        medians[program] = {
            "seconds": statistics.median(seconds),
            "cpu": statistics.median(one["cpu"] for one in told),
            "peak": max(one.get("worker", one["peak"]) for one in told),
        }
        start = (
            f", cluster start {statistics.median(one['start'] for one in told):.1f} s"
            if "start" in told[0]
            else ""
        )
        print(
            f"  {program}: median {medians[program]['seconds']:.2f} s ({min(seconds):.2f} to"
            f" {max(seconds):.2f}), cpu {medians[program]['cpu']:.2f} s,"
            f" peak {medians[program]['peak']:.0f} MiB{start}"
        )
    others = [medians[program] for program in ("polars", "duckdb") if program in medians]
    if others and "sundbench" in medians:
        ours = medians["sundbench"]
        ratio, busy = (ours[what] / min(one[what] for one in others) for what in ("seconds", "cpu"))
        most = TIMES[covariates]
        print(f"  ratio to the faster of the others {ratio:.2f} (at most {most}); processor {busy:.2f}")
        print(f"  peak {ours['peak']:.0f} MiB (at most {WORKER} a worker)")
    return medians


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=int, help="hard limit of memory for each program, MiB")
    parser.add_argument("--scale", action="store_true", help="at twice the persons too")
    parser.add_argument("--cluster", action="store_true", help="on a local cluster of two processes too")
    parser.add_argument("--covariates", type=int, choices=(TEN, MANY), default=TEN, help="fifty beside ten")
    parser.add_argument("--child", choices=sorted(BY), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.root, chosen.answer, chosen.covariates, chosen.limit)
        return
    from benchmarks.cohort_data import national_extract  # not in the children: it loads the whole store

    programs = [*PROGRAMS, *(["cluster"] if chosen.cluster else [])]
    cases = [(chosen.persons, TEN)]
    cases += [(2 * chosen.persons, TEN)] if chosen.scale else []
    cases += [(chosen.persons, MANY)] if chosen.covariates == MANY else []
    medians = {}
    for persons, covariates in cases:
        root = national_extract(persons)
        under = ""
        if chosen.limit:
            with limited(chosen.limit) as (_, kind):
                under = f", under {chosen.limit} MiB in all ({kind})"
        print(f"{persons} persons, {covariates} covariates{under}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            runs = side_by_side(
                root,
                Path(folder),
                programs,
                repeats=chosen.repeats,
                covariates=covariates,
                limit=chosen.limit,
            )
            finished = [program for program in programs if runs[program]]
            if finished:
                check_equal(Path(folder), finished)
        medians[persons, covariates] = summary(runs, covariates)
    once, *others = (medians[case] for case in cases)
    for (persons, covariates), other in zip(cases[1:], others, strict=True):
        what = "twice the persons" if persons != chosen.persons else f"{covariates} covariates"
        for program in (one for one in programs if one in once and one in other):
            ratios = [other[program][of] / once[program][of] for of in ("seconds", "cpu", "peak")]
            most = f" (at most {FIFTY if covariates == MANY else TWICE})" if program == "sundbench" else ""
            print(
                f"{what}, {program}: {ratios[0]:.2f} times the time{most}, {ratios[1]:.2f} times the"
                f" processor's, {ratios[2]:.2f} times the memory"
            )


if __name__ == "__main__":
    main()
