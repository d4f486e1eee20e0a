"""SAS7BDAT files, converted to Parquet piece by piece so that memory doesn't grow with the file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyreadstat

from sundbench.errors import DeliveryError
from sundbench.registers.delivery import SourceFile

_ROWS = 200_000


def convert(file: SourceFile, folder: Path) -> tuple[list[Path], frozenset[str]]:
    """Write a SAS file's rows as Parquet, every column as text.

    Dates and times that SAS formats as such are spelled as in ISO 8601; whole numbers without a decimal
    point; all other numbers with one.

    Args:
        file: the SAS file.
        folder: where the pieces go; must not be there yet.

    Returns:
        The pieces, and the columns that SAS stored as numbers.

    Raises:
        DeliveryError: the file can't be read.
    """
    folder.mkdir(parents=True)
    pieces: list[Path] = []
    numeric: frozenset[str] = frozenset()
    try:
        _, described = pyreadstat.read_sas7bdat(str(file.path), metadataonly=True)
        numeric = frozenset(
            name for name, stored in described.readstat_variable_types.items() if stored != "string"
        )
        empty = pl.DataFrame(schema=dict.fromkeys(described.column_names, pl.String))
        for chunk, _ in pyreadstat.read_file_in_chunks(
            pyreadstat.read_sas7bdat, str(file.path), chunksize=_ROWS, output_format="polars"
        ):
            pieces.append(folder / f"{len(pieces):06d}.parquet")
            chunk.select(_text(chunk[name]) for name in described.column_names).write_parquet(pieces[-1])
        if not pieces:
            pieces.append(folder / "000000.parquet")
            empty.write_parquet(pieces[-1])
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError):
        raise DeliveryError(f"{file.name}: not a readable SAS file: ask for it again") from None
    return pieces, numeric


def _text(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < 1e15)
        frame = pl.DataFrame({"value": column, "whole": whole})
        spelled = (
            pl.when(pl.col("whole"))
            .then(pl.col("value").cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(pl.col("value").cast(pl.String))
        )
        return frame.select(spelled).to_series().alias(column.name)
    return column.cast(pl.String)
