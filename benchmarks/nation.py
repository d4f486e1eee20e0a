"""The benchmark's delivery: 600,000 invented persons and about 50 million dispensings, as CSV files.

Built once, outside the repository (``SUNDBENCH_BENCH``, default ~/.cache/sundbench-bench): ``lmdb<year>.csv``
for 30 years, ``bef<year>.csv`` for six, ``lpr_adm.csv`` and ``lpr_diag.csv``. Only the shape matters here
(row lengths, repeats, how many rows a person); `sundbench synthesize` makes the data that mean something.
"""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

PERSONS = 600_000
DISPENSINGS_A_YEAR = 1_650_000
CONTACTS = 6_000_000
YEARS = range(1995, 2025)
SNAPSHOTS = range(1999, 2025, 5)

SETTINGS = 'person_identifiers = "cpr"\n'


def folder() -> Path:
    """Where benchmarks keep their data."""
    return Path(os.environ.get("SUNDBENCH_BENCH", Path.home() / ".cache" / "sundbench-bench"))


def delivery(persons: int = PERSONS) -> Path:
    """The delivery's folder; it is built if it isn't there.

    Args:
        persons: other than 600,000 gives a delivery of the same shape and another size.
    """
    target = folder() / f"delivery-{persons}"
    if not target.exists():
        building = target.with_name(target.name + ".part")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        _build(building, persons)
        building.rename(target)
    return target


def person_numbers(persons: int, rng: np.random.Generator) -> pl.Series:
    """Fictive person numbers: replacement numbers, whose day of birth is 60 higher than any day."""
    days = np.arange(np.datetime64("1920-01-01"), np.datetime64("2020-01-01"))
    born = pl.Series(np.sort(rng.choice(days, persons)))
    table = pl.DataFrame({"born": born}).with_columns(
        running=pl.int_range(pl.len()).over("born"),
        century=pl.when(pl.col("born").dt.year() < 2000).then(0).otherwise(4000),
    )
    number = pl.concat_str(
        (pl.col("born").dt.day() + 60).cast(pl.String),
        pl.col("born").dt.strftime("%m%y"),
        (pl.col("century") + pl.col("running")).cast(pl.String).str.zfill(4),
    )
    return table.select(number).to_series().shuffle(seed=1)


def _build(target: Path, persons: int) -> None:
    # Codes have a stream of their own: the same medicines and diagnoses, and as common, at every size.
    rng, code_rng = (np.random.default_rng(stream) for stream in np.random.SeedSequence(20261122).spawn(2))
    share = persons / PERSONS
    people = person_numbers(persons, rng)
    (target / "delivery.toml").write_text(SETTINGS)
    for year in SNAPSHOTS:
        _population(people, year, rng).write_csv(target / f"bef{year}.csv", date_format="%Y%m%d")
    atc = _codes("ABCDGHJLMNPRSV", 1200, code_rng)
    # Few people take most medicines: the number of dispensings a person is far from even.
    weight = rng.gamma(0.6, 1.0, persons)
    reach = np.cumsum(weight) / weight.sum()
    for year in YEARS:
        rows = int(DISPENSINGS_A_YEAR * share)
        frame = _dispensings(people, reach, atc, first=np.datetime64(f"{year}-01-01"), rows=rows, rng=rng)
        frame.write_csv(target / f"lmdb{year}.csv", date_format="%Y%m%d")
    rows = int(CONTACTS * share)
    contacts = _contacts(people, rows, rng)
    contacts.write_csv(target / "lpr_adm.csv", date_format="%Y%m%d")
    record = contacts["recnum"].gather(np.sort(rng.integers(0, rows, 2 * rows)))
    icd = pl.concat_str(
        pl.lit("D"), pl.Series(_codes("ABCDEFGHIJKLMNOPQRSTUVXYZ", 900, code_rng)).str.slice(0, 4)
    )
    diagnoses = pl.DataFrame(
        {
            "RECNUM": record,
            "C_DIAG": pl.select(icd).to_series().gather(rng.integers(0, 900, 2 * rows)),
            "C_DIAGTYPE": pl.Series(["A", "B", "G", "H"]).gather(rng.integers(0, 4, 2 * rows)),
        }
    )
    diagnoses.write_csv(target / "lpr_diag.csv")


def _codes(letters: str, count: int, rng: np.random.Generator) -> list[str]:
    drawn: set[str] = set()
    while len(drawn) < count:
        a, b, (c, d) = rng.choice(list(letters)), rng.integers(1, 17), rng.choice(list("ABCDE"), 2)
        drawn.add(f"{a}{b:02d}{c}{d}{rng.integers(1, 60):02d}")
    return sorted(drawn)


def _population(people: pl.Series, year: int, rng: np.random.Generator) -> pl.DataFrame:
    count = len(people)
    return pl.DataFrame(
        {
            "PNR": people,
            "REFERENCETID": pl.repeat(date(year, 12, 31), count, eager=True),
            "AAR": pl.repeat(year, count, eager=True),
            "KOEN": rng.integers(1, 3, count),
            "FOED_DATO": _born(people),
            "FAMILIE_ID": rng.integers(1, count // 2, count),
            "MOR_ID": people.gather(rng.integers(0, count, count)),
            "KOM": rng.choice([101, 147, 259, 461, 561, 607, 751, 851], count),
            "REG": rng.integers(1081, 1086, count),
        }
    )


def _born(people: pl.Series) -> pl.Series:
    """The date of birth that a fictive person number holds, YYYYMMDD."""
    number = pl.col("number")
    table = pl.DataFrame({"number": people}).select(
        pl.concat_str(
            pl.when(number.str.slice(6, 1) == "4").then(pl.lit("20")).otherwise(pl.lit("19")),
            number.str.slice(4, 2),
            number.str.slice(2, 2),
            (number.str.slice(0, 2).cast(pl.Int32) - 60).cast(pl.String).str.zfill(2),
        )
    )
    return table.to_series()


def _dispensings(
    people: pl.Series,
    reach: np.ndarray,
    atc: list[str],
    *,
    first: np.datetime64,
    rows: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    who = np.searchsorted(reach, rng.random(rows))
    product = np.minimum(rng.geometric(0.004, rows) - 1, len(atc) - 1)
    packs = rng.integers(1, 4, rows)
    number = 100_000 + product * 7 + rng.integers(0, 5, rows)
    day = rng.integers(0, 365, rows)
    # A correction takes back an earlier dispensing: the same person and product, within two weeks.
    correction = np.flatnonzero(rng.random(rows) < 0.003)
    corrected = np.setdiff1d(rng.integers(0, rows, 2 * len(correction)), correction)[: len(correction)]
    correction = correction[: len(corrected)]
    for column in (who, product, number):
        column[correction] = column[corrected]
    packs[correction] = -packs[corrected]
    day[correction] = np.minimum(day[corrected] + rng.integers(0, 14, len(correction)), 364)
    order = np.argsort(day, kind="stable")
    who, product, number, packs, day = (column[order] for column in (who, product, number, packs, day))
    return pl.DataFrame(
        {
            "PNR": people.gather(who),
            "EKSD": pl.Series(first + day),
            "ATC": pl.Series(atc).gather(product),
            "VNR": number,
            "APK": packs,
            "VOLUME": np.array([10.0, 28.0, 33.33, 98.0, 100.0])[product % 5],
            "PACKSIZE": np.array([10, 28, 30, 98, 100])[product % 5],
            "STRNUM": np.array([0.5, 5.0, 10.0, 20.0, 40.0, 100.0])[product % 6],
            "INDO": rng.integers(1, 900, rows),
            "DOSO": rng.integers(1, 300, rows),
            "EKSP": np.round(rng.lognormal(4.5, 0.8, rows) * packs, 2),
            "KORR": (packs < 0).astype(np.int8),
        }
    )


def _contacts(people: pl.Series, rows: int, rng: np.random.Generator) -> pl.DataFrame:
    begin = np.sort(np.datetime64("1995-01-01") + rng.integers(0, 8800, rows))
    return pl.DataFrame(
        {
            "pnr": people.gather(rng.integers(0, len(people), rows)),
            "recnum": pl.select(pl.int_range(rows) + 10_000_000_000).to_series(),
            "d_inddto": pl.Series(begin),
            "d_uddto": pl.Series(begin + np.minimum(rng.geometric(0.3, rows) - 1, 90)),
            "c_pattype": rng.integers(0, 4, rows),
            "c_spec": rng.integers(1, 99, rows),
            "c_sgh": rng.integers(1301, 8001, rows),
        }
    )


if __name__ == "__main__":
    print(delivery())
