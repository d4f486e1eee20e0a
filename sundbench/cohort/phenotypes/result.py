"""What a phenotype gives: a pandas frame that says where it came from."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd
import polars as pl
import pyarrow as pa


class Phenotyped(pd.DataFrame):
    """Who has a condition: a pandas frame, one row per person. What is computed from it is a plain frame.

    Attributes:
        notes: what a reader of the results must know, such as a register that begins too late.
        fingerprint: SHA-256 over the rules' digest, the extract's digest and the library's version.
    """

    _metadata: ClassVar[list[str]] = ["notes", "fingerprint"]
    notes: tuple[str, ...]
    fingerprint: str

    @classmethod
    def of(cls, table: pl.DataFrame, notes: tuple[str, ...], fingerprint: str) -> Phenotyped:
        """The result of a collected table."""
        result = cls(table.to_arrow().to_pandas(date_as_object=False))
        object.__setattr__(result, "notes", notes)
        object.__setattr__(result, "fingerprint", fingerprint)
        return result

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a plain pandas frame."""
        return pd.DataFrame(self)

    @property
    def table(self) -> pa.Table:
        """The same in Arrow, with days as days."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        days = [
            field.with_type(pa.date32()) if pa.types.is_timestamp(field.type) else field
            for field in table.schema
        ]
        return table.cast(pa.schema(days)).replace_schema_metadata(None)
