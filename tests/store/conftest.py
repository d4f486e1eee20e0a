"""A site of one's own with a vault key, a small catalogue, and deliveries written from texts."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from sundbench.registers.catalogue import Catalogue, parse
from sundbench.site import Site
from sundbench.store.freeze import Freeze
from sundbench.store.vault import Vault

HEAD = """
name = "{name}"
title = {{ da = "{name}", en = "{name}" }}
description = {{ da = "{name}", en = "{name}" }}
coverage = {{ since = 1990-01-01 }}
sources = [{{ title = "made up" }}]
{rest}
[columns]
"""
ENTRIES = {
    "bef": (
        'subject = "pnr"\ndate = "referencetid"\ndates = "snapshot"',
        """
pnr = { type = "person", da = "", en = "", sensitivity = "person" }
referencetid = { type = "date", da = "", en = "" }
aar = { type = "year", da = "", en = "" }
koen = { type = "code", da = "", en = "", missing = ["9"], labels = { 1 = { da = "", en = "" } } }
familie_id = { type = "key", da = "", en = "", sensitivity = "linking", space = "familie_id" }
mor_id = { type = "person", da = "", en = "", sensitivity = "person" }
foed_dato = { type = "date", da = "", en = "", aliases = ["foed_dag"] }
""",
    ),
    "lmdb": (
        'subject = "pnr"\ndate = "eksd"\ndates = "service"',
        """
pnr = { type = "person", da = "", en = "", sensitivity = "person" }
eksd = { type = "date", da = "", en = "" }
atc = { type = "code", da = "", en = "" }
apk = { type = "integer", da = "", en = "", missing = ["-9"] }
volume = { type = "decimal", da = "", en = "" }
eksp = { type = "money", da = "", en = "" }
navn = { type = "text", da = "", en = "" }
""",
    ),
    "lpr_adm": (
        'aliases = ["t_adm"]\nsubject = "pnr"\ndate = "d_inddto"\ndates = "service"',
        """
pnr = { type = "person", da = "", en = "", sensitivity = "person" }
recnum = { type = "key", da = "", en = "", sensitivity = "linking", space = "recnum" }
d_inddto = { type = "datetime", da = "", en = "" }
""",
    ),
    "a_diag": (
        'parent = { name = "lpr_adm", on = [["recnum", "recnum"]] }',
        """
recnum = { type = "key", da = "", en = "", sensitivity = "linking", space = "recnum" }
c_diag = { type = "code", da = "", en = "" }
""",
    ),
    "faik": (
        'date = "aar"\ndates = "year"\n'
        'parent = { name = "bef", on = [["familie_id", "familie_id"], ["aar", "aar"]],'
        " members = true, month = 12 }",
        """
familie_id = { type = "key", da = "", en = "", sensitivity = "linking", space = "familie_id" }
aar = { type = "year", da = "", en = "" }
income = { type = "money", da = "", en = "" }
""",
    ),
    "sssy": (
        'subject = "pnr"\ndate = "honuge"\ndates = "fee week"',
        """
pnr = { type = "person", da = "", en = "", sensitivity = "person" }
honuge = { type = "week", da = "", en = "" }
""",
    ),
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    key = tmp_path / "key"
    Vault.create_key(key)
    return Site(root=tmp_path / "home", database_url="sqlite://", vault_key_file=key)


@pytest.fixture(scope="session")
def small() -> Catalogue:
    """Six registers, one of each kind."""
    return Catalogue(
        {
            name: parse(HEAD.format(name=name, rest=rest) + columns, name)
            for name, (rest, columns) in ENTRIES.items()
        }
    )


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a delivery: ``deliver({"lmdb.csv": "pnr,eksd\\n..."})``."""

    def write(files: dict[str, str | bytes], folder: str = "delivery") -> Path:
        target = tmp_path / folder
        target.mkdir(exist_ok=True)
        for name, content in files.items():
            (target / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    return write


@pytest.fixture
def rows() -> Callable[[Freeze, str], pl.DataFrame]:
    """All rows of a register in a freeze, in its order."""

    def read(freeze: Freeze, register: str) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(freeze.file(register, n)) for n in range(freeze.buckets))

    return read
