"""Hand-made extracts: small tables written as an extract lays them out."""

import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sundbench.cohort.bucket import Bucket

# The reference implementation is no test module, and pytest imports those alone by path.
sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent / "exposure"))

from written_extracts import Registers, write

WriteExtract = Callable[..., Path]


@pytest.fixture
def write_extract(tmp_path: Path) -> WriteExtract:
    """Write tables as an extract: ``write_extract({"lmdb": frame}, buckets=1) -> Path``.

    Each frame needs a column ``person`` (pseudonyms) and any of the register's columns, under the catalogue's
    names; types are cast to what the store holds. ``coverage`` gives the days a register holds
    (``{"lmdb": (since, until)}``), else the catalogue's, cut to 1977-2025. With several buckets, persons fall
    into them by ``(person * buckets) >> 31``: draw pseudonyms over the whole range of int32 to fill them.
    """
    written = 0

    def write_next(
        registers: Registers,
        buckets: int = 1,
        coverage: Mapping[str, tuple[date, date]] | None = None,
        permit: str = "test",
    ) -> Path:
        nonlocal written
        root = tmp_path / f"extract-{written}"
        written += 1
        write(root, registers, buckets, coverage, permit)
        return root

    return write_next


@pytest.fixture
def bucket(write_extract: WriteExtract) -> Callable[..., Bucket]:
    """One bucket of a hand-made extract: ``bucket(lmdb=frame, dod=frame)``."""

    def one(**registers: pl.DataFrame) -> Bucket:
        return Bucket(root=write_extract(registers), number=0)

    return one
