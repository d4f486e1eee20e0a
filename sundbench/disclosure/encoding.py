"""The one way in which a table becomes a file that may leave.

The check encodes each table anew and compares bytes, so that nothing rides along in a file: no metadata, no
index, no second row group.
"""

from __future__ import annotations

import io
import math

import pyarrow as pa
import pyarrow.parquet as pq

DIGITS = 9
"""Significant digits of a fraction that leaves."""


def parquet(table: pa.Table) -> bytes:
    """A table as Parquet: the same values give the same bytes.

    Args:
        table: columns of text, boolean, int64 and float64.
    """
    buffer = io.BytesIO()
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(plain, buffer, compression="zstd", store_schema=False, version="2.6")
    return buffer.getvalue()


def is_plain(table: pa.Table) -> bool:
    """Whether a table has the four types that an output may have, and no others."""
    allowed = {pa.string(), pa.bool_(), pa.int64(), pa.float64()}
    return all(field.type in allowed for field in table.schema)


def rounded(table: pa.Table) -> pa.Table:
    """A table whose fractions have as many digits as a reader can use, and no other "not a number" than null.

    The digits beyond are noise to a reader, and room for a message.
    """
    for place, field in enumerate(table.schema):
        if field.type == pa.float64():
            values = [_rounded(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(values, pa.float64()))
    return table


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(f"{value:.{DIGITS}g}")
