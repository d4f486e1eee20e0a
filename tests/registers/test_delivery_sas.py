"""SAS files: read in pieces, every column as text. No library here writes SAS7BDAT, so a public package's own
example is read where it is installed (Debian's r-cran-haven; SUNDBENCH_SAS_SAMPLE names another place)."""

import os
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from sundbench.errors import DeliveryError
from sundbench.registers import sas
from sundbench.registers.delivery import SourceFile
from sundbench.registers.formats import parquet_table

SAMPLE = "/usr/lib/R/site-library/haven/examples/iris.sas7bdat"


@pytest.fixture
def iris() -> Path:
    path = Path(os.environ.get("SUNDBENCH_SAS_SAMPLE", SAMPLE))
    if not path.exists():
        message = (
            f"{path} is not there: install r-cran-haven, or set SUNDBENCH_SAS_SAMPLE to its iris.sas7bdat"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def test_a_sas_file_is_read_in_pieces(iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sas, "_ROWS", 60)
    pieces, numeric = sas.convert(SourceFile(iris, "iris", "sas7bdat"), tmp_path / "pieces")
    assert [pl.read_parquet(piece).height for piece in pieces] == [60, 60, 30]
    assert numeric == {"Sepal_Length", "Sepal_Width", "Petal_Length", "Petal_Width"}
    table = parquet_table("iris.sas7bdat", pieces, numeric)
    assert table.rows == 150
    assert set(table.columns.values()) == {"VARCHAR"}
    first = pl.read_parquet(pieces[0]).row(0, named=True)
    assert (first["Sepal_Length"], first["Species"]) == ("5.1", "setosa")
    assert pl.read_parquet(pieces[0])["Sepal_Length"][4] == "5"  # a whole number has no decimal point


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pl.Series([1.0, 2.5, None, 101801234.0]), ["1", "2.5", None, "101801234"]),
        (pl.Series([date(2020, 2, 29)]), ["2020-02-29"]),
        (pl.Series([datetime(2020, 2, 29, 10, 30)], dtype=pl.Datetime("us")), ["2020-02-29 10:30:00.000000"]),  # noqa: DTZ001
        (pl.Series(["æ", ""]), ["æ", ""]),
    ],
)
def test_values_are_spelled_as_in_csv(column: pl.Series, texts: list[str | None]) -> None:
    assert sas._text(column).to_list() == texts


def test_what_is_no_sas_file_is_one_line(tmp_path: Path) -> None:
    (path := tmp_path / "lmdb.sas7bdat").write_bytes(b"no SAS" * 1000)
    with pytest.raises(DeliveryError, match="not a readable SAS file"):
        sas.convert(SourceFile(path, "lmdb", "sas7bdat"), tmp_path / "pieces")
