"""A small invented nation, frozen by hand, and permits to extract it under."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.registers.catalogue import catalogue
from sundbench.site import Site
from sundbench.store.vault import Vault

PERSONS = 10_400  # a little more than one bucket of the freeze

Register = Callable[..., None]


def identifiers(first: int, last: int) -> pl.Series:
    """Opaque person identifiers."""
    return pl.Series([f"person-{number:06d}" for number in range(first, last)])


def days(offsets: np.ndarray) -> pl.Series:
    """Dates, counted from 1 January 2010."""
    return pl.Series(np.datetime64("2010-01-01") + offsets.astype("timedelta64[D]")).cast(pl.Date)


def write_freeze(site: Site, name: str, tables: dict[str, pl.DataFrame], persons: int = PERSONS) -> None:
    """Write tables as a freeze has them; `person` is the national index."""
    buckets = -(-persons // 10_000)
    registers = {}
    for register, table in tables.items():
        folder = site.freezes / name / register
        folder.mkdir(parents=True)
        files = {}
        for bucket in range(buckets):
            path = folder / f"bucket-{bucket:05d}.parquet"
            rows = table.filter(pl.col("person") // 10_000 == bucket)
            rows.sort(rows.columns).write_parquet(path, compression="zstd")
            files[path.name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": len(rows)}
        dated_by = catalogue().date_column(register)
        dates = table[dated_by] if dated_by in table.columns else pl.Series([None], dtype=pl.Date)
        since, until = dates.min(), dates.max()
        if dates.dtype == pl.Int32:
            since, until = date(since, 1, 1), date(until, 12, 31)
        coverage = {"since": since and str(since)[:10], "until": until and str(until)[:10]}
        registers[register] = {"files": files, "rows": len(table), "coverage": coverage}
    manifest = {
        "buckets": buckets,
        "persons_per_bucket": [min(10_000, persons - 10_000 * bucket) for bucket in range(buckets)],
        "registers": registers,
        "digest": hashlib.sha256(json.dumps(registers).encode()).hexdigest(),
    }
    (site.freezes / name / "freeze.json").write_text(json.dumps(manifest))


def nation(persons: int = PERSONS) -> dict[str, pl.DataFrame]:
    """Registers of an invented nation.

    The mother of person n is person n + 100 (the last hundred have none), and ten persons in a row are a
    family. Everyone is born in 1950 plus the index modulo 50. Every hundredth person has lung cancer.
    """
    rng = np.random.default_rng(7)
    person = np.arange(persons, dtype=np.int32)
    snapshots = [date(2012, 12, 31), date(2015, 12, 31)]
    one = pl.DataFrame(
        {
            "person": person,
            "foed_dato": [date(1950 + n % 50, 6, 15) for n in range(persons)],
            "koen": np.where(person % 2, "1", "2"),
            "mor_id": pl.Series(np.where(person + 100 < persons, person + 100, -1), dtype=pl.Int32),
            "familie_id": [f"F{n // 10:07d}" for n in range(persons)],
        }
    ).with_columns(mor_id=pl.when(pl.col("mor_id") >= 0).then("mor_id"))
    bef = pl.concat([one.with_columns(referencetid=pl.lit(day)) for day in snapshots])
    bought = np.repeat(person, 6)
    lmdb = pl.DataFrame(
        {
            "person": bought,
            "eksd": days(rng.integers(0, 3650, len(bought))),
            "atc": rng.choice(["C10AA01", "B01AF02", "N02BE01"], len(bought)),
            "vnr": pl.Series(rng.integers(100_000, 999_999, len(bought))).cast(pl.String),
            "apk": rng.integers(1, 4, len(bought)).astype(np.int32),
        }
    )
    admitted = np.repeat(person, 2)
    lpr_adm = pl.DataFrame(
        {
            "person": admitted,
            "recnum": [f"{n:012d}" for n in range(len(admitted))],
            "d_inddto": days(rng.integers(0, 3000, len(admitted))),
            "c_pattype": rng.choice(["0", "2"], len(admitted)),
        }
    )
    sick = (lpr_adm["person"] % 100 == 0).to_numpy()
    lpr_diag = lpr_adm.select("person", "d_inddto", "recnum").with_columns(
        c_diag=pl.Series(np.where(sick, "DC341", "DI480")), c_diagtype=pl.lit("A")
    )
    udda = pl.concat(
        [
            pl.DataFrame({"person": person, "hfaudd": "5290"}).with_columns(aar=pl.lit(y, pl.Int32))
            for y in (2012, 2015)
        ]
    )
    return {"bef": bef, "lmdb": lmdb, "lpr_adm": lpr_adm, "lpr_diag": lpr_diag, "udda": udda}


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the freeze `f1`."""
    folder = tmp_path_factory.mktemp("nation")
    Vault.create_key(folder / "key")
    site = _site(folder)
    with Vault.open(site) as vault:
        vault.add(identifiers(0, PERSONS))
        vault.save()
    write_freeze(site, "f1", nation())
    database.upgrade(site)
    return folder


def _site(folder: Path) -> Site:
    return Site(folder / "home", f"sqlite:///{folder / 'home' / 'sundbench.db'}", folder / "key")


@pytest.fixture
def site(frozen: Path, tmp_path: Path) -> Site:
    """A site of one's own with the freeze `f1`."""
    shutil.copytree(frozen, tmp_path / "own")
    return _site(tmp_path / "own")


PERMIT = """
id = "{id}"
title = {{ da = "Lungekræft", en = "Lung cancer" }}
purpose = "To learn."
basis = "Sundhedsdatastyrelsen FSEID-00000000"
members = [{{ user = "bo", role = "researcher" }}]
period = {{ since = {since}, until = {until} }}
expires = {expires}
population = {population}

[registers]
{registers}
"""

WHOLE = {
    "bef": ["referencetid", "koen", "foed_dato", "mor_id", "familie_id"],
    "lmdb": ["eksd", "atc", "vnr", "apk"],
    "lpr_adm": ["recnum", "d_inddto", "c_pattype"],
    "lpr_diag": ["recnum", "c_diag", "c_diagtype"],
}


@pytest.fixture
def register(site: Site) -> Register:
    """Registers a permit; what isn't said is generous."""

    def make(
        name: str = "lung",
        *,
        registers: dict[str, list[str]] | None = None,
        population: str = "{ everyone = true }",
        since: str = "2000-01-01",
        until: str = "2025-12-31",
        expires: str | None = None,
        undated: bool = False,
    ) -> None:
        more = ", undated = true" if undated else ""
        lines = [f"{table} = {{ columns = {names}{more} }}" for table, names in (registers or WHOLE).items()]
        text = PERMIT.format(
            id=name,
            since=since,
            until=until,
            expires=expires or datetime.now(UTC).date() + timedelta(days=2),
            population=population,
            registers="\n".join(lines),
        )
        with database.writing(site) as session:
            permits.register(session, parse(text, f"{name}.toml"), text, "ann")

    return make


@pytest.fixture
def rows(site: Site) -> Callable[..., pl.DataFrame]:
    """Reads a register of an extract, as it lies on disk."""

    def read(permit: str, table: str, freeze: str = "f1") -> pl.DataFrame:
        return pl.read_parquet(sorted((site.extracts / permit / freeze / table).glob("*.parquet")))

    return read


@pytest.fixture
def pseudonyms(site: Site) -> Callable[[str], np.ndarray]:
    """The permit's pseudonym of each national index, from the vault."""

    def ask(permit: str) -> np.ndarray:
        with Vault.open(site) as vault:
            names = vault.pseudonyms(permit, np.arange(vault.persons, dtype=np.int32))
            vault.save()
        return names

    return ask


@pytest.fixture
def opt_out(site: Site) -> Callable[[list[int]], None]:
    """Persons, by national index, say no."""

    def note(indices: list[int]) -> None:
        with Vault.open(site) as vault:
            known = vault.identifiers
            vault.opt_out(known.filter(pl.col("person").is_in(indices))["identifier"])
            vault.save()

    return note


@pytest.fixture
def tables() -> dict[str, pl.DataFrame]:
    """What the freeze `f1` holds."""
    return nation()


@pytest.fixture
def freeze_more(site: Site) -> Callable[..., None]:
    """Freezes tables, or a bigger nation whose newcomers the vault learns first."""

    def freeze(name: str, tables: dict[str, pl.DataFrame] | None = None, persons: int = PERSONS) -> None:
        with Vault.open(site) as vault:
            vault.add(identifiers(PERSONS, persons))
            vault.save()
        write_freeze(site, name, tables if tables is not None else nation(persons), persons)

    return freeze
