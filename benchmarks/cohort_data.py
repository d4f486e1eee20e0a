"""An invented extract of national shape, written straight as bucket files, for the cohort benchmark.

It has the layout of a real extract (``<register>/bucket-00000.parquet``, rows sorted by person and date,
codes dictionary-encoded, zstd) and, beside it, the same rows as one Parquet file a register, which is how a
good analyst would lay out tables for whole-table queries.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

PERSONS_A_BUCKET = 10_000
FIRST = np.datetime64("1995-01-01")
LAST = np.datetime64("2024-12-31")
DAYS = int((LAST - FIRST).astype(int)) + 1
LPR3 = np.datetime64("2019-03-01")
COURSES = 9.0  # drug courses a person, each of about nine dispensings: 80 dispensings a person
CONTACTS = 12.0

STUDY_ATC = ["B01AF02", "B01AA03", "C10AA05", "C10AA01", "C07AB02", "C03CA01", "A10BA02", "N02BE01",
             "M01AE01", "B01AC06", "N06AB04", "A02BC01"]  # fmt: skip
STUDY_ICD = ["DI489", "DI639", "DK922", "DI619", "DI509", "DE119", "DN189", "DI109", "DJ449", "DC349"]


def code_lists() -> tuple[list[str], list[str]]:
    """ATC codes of level 5 and ICD-10 codes, the study's own among many others."""
    rng = np.random.default_rng(1)
    atc = [
        f"{a}{b:02d}{c}{d}{e:02d}"
        for a, b, c, d, e in zip(
            rng.choice(list("ABCDGHJLMNPRSV"), 1_500),
            rng.integers(1, 17, 1_500),
            rng.choice(list("ABCDE"), 1_500),
            rng.choice(list("ABCDEFGX"), 1_500),
            rng.integers(1, 60, 1_500),
            strict=True,
        )
    ]
    icd = [
        f"D{a}{b:03d}"
        for a, b in zip(
            rng.choice(list("ABCDEFGHIJKLMNOQRSTZ"), 4_000), rng.integers(0, 1000, 4_000), strict=True
        )
    ]
    study_atc, study_icd = set(STUDY_ATC), set(STUDY_ICD)
    return (
        STUDY_ATC + sorted({c for c in atc if c not in study_atc}),
        STUDY_ICD + sorted({c for c in icd if c not in study_icd}),
    )


def _weights(codes: int, study: int) -> np.ndarray:
    """Zipf's law over the codes, with the study's own codes spread over its upper half."""
    ranks = np.arange(1, codes + 1, dtype=float)
    order = np.concatenate([np.linspace(8, 200, study).astype(int), np.arange(codes - study)])
    weight = 1 / (ranks[np.minimum(order, codes - 1)] + 5)
    return weight / weight.sum()


def _dates(days: np.ndarray) -> np.ndarray:
    return FIRST + days.astype("timedelta64[D]")


def bucket_tables(number: int, buckets: int, persons: int) -> dict[str, pl.DataFrame]:
    """All registers of one bucket."""
    rng = np.random.default_rng([20250101, number])
    low, high = -(-(number << 31) // buckets), -(-((number + 1) << 31) // buckets)
    person = np.sort(rng.choice(np.arange(max(low, 1), high, 37), persons, replace=False)).astype(np.int32)
    atc, icd = code_lists()
    born = _dates(rng.integers(-365 * 85, DAYS - 365 * 20, persons))
    sex = rng.choice(np.array(["1", "2"]), persons)
    region = rng.choice(np.array(["81", "82", "83", "84", "85"]), persons)
    gone = np.where(rng.random(persons) < 0.25, rng.integers(365, DAYS, persons), DAYS + 1)
    tables: dict[str, pl.DataFrame] = {}

    years = np.arange(1995, 2025)
    row = np.repeat(np.arange(persons), len(years))
    snapshot = np.tile(np.array([f"{y}-12-31" for y in years], dtype="datetime64[D]"), persons)
    alive = (snapshot <= _dates(gone)[row]) & (snapshot >= born[row])
    row, snapshot = row[alive], snapshot[alive]
    tables["bef"] = pl.DataFrame(
        {
            "person": person[row],
            "referencetid": snapshot,
            "foed_dato": born[row],
            "koen": pl.Series(sex[row]),
            "reg": pl.Series(region[row]),
        }
    )
    dead = np.flatnonzero(gone <= DAYS)
    tables["dod"] = pl.DataFrame({"person": person[dead], "doddato": _dates(gone[dead])})
    out = np.flatnonzero(rng.random(persons) < 0.02)
    tables["vnds"] = pl.DataFrame(
        {
            "person": person[out],
            "haend_dato": _dates(rng.integers(0, DAYS, len(out))),
            "indud_kode": np.full(len(out), "U"),
        }
    ).sort("person", "haend_dato")

    courses = rng.poisson(COURSES, persons)
    row = np.repeat(np.arange(persons), courses)
    drug = rng.choice(len(atc), len(row), p=_weights(len(atc), len(STUDY_ATC)))
    start = rng.integers(0, DAYS, len(row))
    length = rng.geometric(1 / 9, len(row))
    course = np.repeat(np.arange(len(row)), length)
    nth = np.arange(len(course)) - np.repeat(np.cumsum(length) - length, length)
    day = start[course] + nth * 80 + rng.integers(0, 20, len(course))
    keep = (day < DAYS) & (day < gone[row[course]])
    course, day = course[keep], day[keep]
    tables["lmdb"] = pl.DataFrame(
        {
            "person": person[row[course]],
            "eksd": _dates(day),
            "atc": pl.Series(np.array(atc)[drug[course]]),
            "vnr": pl.Series(np.char.mod("%06d", drug[course] * 7 + 1000)),
            "apk": rng.integers(1, 4, len(course)).astype(np.int32),
            "packsize": rng.choice(np.array([30.0, 98.0, 100.0]), len(course)),
            "eksp": (rng.integers(20, 900, len(course)) * 100).astype(np.int64),
        }
    ).sort("person", "eksd", "atc", "vnr", "apk", "packsize", "eksp")

    count = rng.poisson(CONTACTS, persons)
    row = np.repeat(np.arange(persons), count)
    day = rng.integers(0, DAYS, len(row))
    keep = day <= gone[row]
    row, day = row[keep], day[keep]
    when, key = _dates(day), np.arange(len(row)) + number * 10_000_000
    emergency = rng.random(len(row)) < 0.2
    contacts = pl.DataFrame(
        {
            "person": person[row],
            "date": when,
            "key": key,
            "out": when + rng.integers(0, 9, len(row)),
            "er": emergency,
        }
    )
    codes = 1 + rng.poisson(0.7, len(row))
    child = np.repeat(np.arange(len(row)), codes)
    diagnosis = rng.choice(len(icd), len(child), p=_weights(len(icd), len(STUDY_ICD)))
    first = np.r_[True, child[1:] != child[:-1]]
    diagnoses = pl.DataFrame(
        {
            "person": person[row[child]],
            "date": when[child],
            "key": key[child],
            "code": pl.Series(np.array(icd)[diagnosis]),
            "type": np.where(first, "A", np.where(rng.random(len(child)) < 0.9, "B", "G")),
        }
    )
    old = pl.col("date") < LPR3.astype(object)
    tables["lpr_adm"] = contacts.filter(old).select(
        "person",
        d_inddto="date",
        recnum="key",
        d_uddto="out",
        c_pattype=pl.when("er").then(pl.lit("3")).otherwise(pl.lit("2")),
    )
    tables["lpr_diag"] = diagnoses.filter(old).select(
        "person", d_inddto="date", recnum="key", c_diag="code", c_diagtype="type"
    )
    tables["lpr3a_kontakt"] = contacts.filter(~old).select(
        "person",
        kont_starttidspunkt=pl.col("date").cast(pl.Datetime("ms")),
        dw_ek_kontakt="key",
        kont_sluttidspunkt=pl.col("out").cast(pl.Datetime("ms")),
        kont_type=pl.lit("ALCA00"),
        prioritet=pl.when("er").then(pl.lit("ATA1")).otherwise(pl.lit("ATA3")),
    )
    tables["lpr3a_diagnose"] = diagnoses.filter(~old).select(
        "person",
        kont_starttidspunkt=pl.col("date").cast(pl.Datetime("ms")),
        dw_ek_kontakt="key",
        diag_kode="code",
        diag_type="type",
        senere_afkraeftet=pl.lit("Nej"),
    )
    for name in ("lpr_adm", "lpr_diag", "lpr3a_kontakt", "lpr3a_diagnose"):
        tables[name] = tables[name].sort(tables[name].columns)
    return tables


COVERAGE = {
    "bef": ("1995-12-31", "2024-12-31"),
    "lpr_adm": ("1995-01-01", "2019-02-28"),
    "lpr_diag": ("1995-01-01", "2019-02-28"),
    "lpr3a_kontakt": ("2019-03-01", "2024-12-31"),
    "lpr3a_diagnose": ("2019-03-01", "2024-12-31"),
}

AS_THE_STORE_WRITES = {"compression": "zstd", "use_dictionary": True, "write_statistics": True}
"""How Parquet files are written, buckets and whole tables alike."""


def _write(job: tuple[Path, int, int, int]) -> dict[str, tuple[int, str, dict[str, str]]]:
    root, number, buckets, persons = job
    told = {}
    for name, frame in bucket_tables(number, buckets, persons).items():
        path = root / "extract" / name / f"bucket-{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = frame.to_arrow().cast(_schema(frame))
        pq.write_table(table, path, **AS_THE_STORE_WRITES)
        types = {column: str(dtype) for column, dtype in zip(frame.columns, frame.dtypes, strict=True)}
        told[name] = (frame.height, hashlib.sha256(path.read_bytes()).hexdigest(), types)
    return told


def _schema(frame: pl.DataFrame) -> pa.Schema:
    fields = []
    for field in frame.to_arrow().schema:
        kind = (
            pa.string() if pa.types.is_large_string(field.type) or "view" in str(field.type) else field.type
        )
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def build(root: Path, buckets: int) -> Path:
    """Write an extract of ``buckets`` x 10,000 persons below root and its whole-table twin; once.

    Returns:
        root, with ``extract/`` and ``whole/<register>.parquet`` in it.
    """
    if (root / "done").exists():
        return root
    jobs = [(root, number, buckets, PERSONS_A_BUCKET) for number in range(buckets)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        told = list(pool.map(_write, jobs))
    registers = {}
    (root / "whole").mkdir(exist_ok=True)
    for name in told[0]:
        files = sorted((root / "extract" / name).glob("bucket-*.parquet"))
        with pq.ParquetWriter(
            root / "whole" / f"{name}.parquet", pq.read_schema(files[0]), **AS_THE_STORE_WRITES
        ) as writer:
            for file in files:
                writer.write_table(pq.read_table(file))
        since, until = COVERAGE.get(name, ("1995-01-01", "2024-12-31"))
        registers[name] = {
            "columns": told[0][name][2],
            "rows": sum(one[name][0] for one in told),
            "files": {file.name: one[name][1] for file, one in zip(files, told, strict=True)},
            "coverage": {"since": since, "until": until},
        }
    digest = hashlib.sha256(json.dumps(registers, sort_keys=True).encode()).hexdigest()
    manifest = {
        "permit": "benchmark",
        "permit_digest": "0" * 64,
        "freeze": "invented",
        "catalogue_digest": "0" * 64,
        "library": "0.1.0",
        "persons": buckets * PERSONS_A_BUCKET,
        "buckets": buckets,
        "digest": digest,
        "registers": registers,
        "period": {"since": "1995-01-01", "until": "2024-12-31"},
        "left_out": {},
    }
    (root / "extract" / "extract.json").write_text(json.dumps(manifest, indent=1))
    (root / "done").touch()
    return root
