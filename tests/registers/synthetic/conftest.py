"""One small synthetic delivery for all tests of this folder, and ways to look into it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sundbench.registers.synthetic.output import FORMATS, FileKey
from sundbench.registers.synthetic.run import synthesize

PERSONS = 2_600  # one whole chunk and a short one
YEARS = (2015, 2022)


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,600 persons, 2015 to 2022, written by one process."""
    out = tmp_path_factory.mktemp("synthetic") / "one"
    synthesize(out, persons=PERSONS, years=YEARS, seed=7, workers=1)
    return out


@pytest.fixture(scope="session")
def truth(delivery: Path) -> dict[str, Any]:
    return json.loads((delivery / "truth.json").read_text(encoding="utf-8"))


Read = Callable[..., pl.DataFrame]


@pytest.fixture(scope="session")
def read(delivery: Path) -> Read:
    """Read a register, one year of it or all, as text, with its columns in lower case."""
    cache: dict[tuple[str, int | None], pl.DataFrame] = {}

    def one(key: FileKey) -> pl.DataFrame:
        form = FORMATS[key.register]
        path = delivery / key.name
        if form.container == "parquet":
            return pl.read_parquet(path).cast(pl.String)
        raw = gzip.decompress(path.read_bytes()) if form.container == "csv.gz" else path.read_bytes()
        text = raw.decode("latin-1" if form.latin1 else "utf-8")
        header = next(csv.reader(io.StringIO(text), delimiter=form.separator))
        frame = pl.read_csv(
            text.encode(),
            separator=form.separator,
            infer_schema=False,
            quote_char=None,
        )
        return frame.rename(dict(zip(header, map(str.lower, header), strict=True)))

    def read(register: str, year: int | None = None) -> pl.DataFrame:
        if (register, year) not in cache:
            form = FORMATS[register]
            if not form.yearly:
                frame = one(FileKey(register))
            elif year is not None:
                frame = one(FileKey(register, year))
            else:
                keys = [FileKey(register, y) for y in range(YEARS[0], YEARS[1] + 1)]
                frame = pl.concat([one(key) for key in keys if (delivery / key.name).exists()])
            cache[register, year] = frame
        return cache[register, year]

    return read
