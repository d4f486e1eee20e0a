"""Record and household numbers under a permit's own key, to join within the permit and nowhere else."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import polars as pl


def rekey(values: pl.Series, space: str, key: bytes) -> pl.Series:
    """Replace record numbers by a keyed hash.

    Equal values of one space become equal numbers in every register of a permit; without the permit's key
    nothing leads from one permit's numbers to another's. The hash is BLAKE2b (RFC 7693) keyed, cut to 8
    bytes: two of a person's records, within which all joins are, meet by chance once in 10^19.

    Args:
        values: String, nulls stay null.
        space: the catalogue's name for what the numbers number.
        key: the permit's key, 16 to 64 bytes.

    Returns:
        Int64 of the same length and name.
    """
    distinct = values.drop_nulls().unique()
    start = blake2b(space.encode() + b"\0", digest_size=8, key=key)
    digests = []
    for value in distinct.to_list():
        state = start.copy()
        state.update(value.encode())
        digests.append(state.digest())
    hashed = pl.Series(np.frombuffer(b"".join(digests), dtype="<i8"), dtype=pl.Int64)
    return values.replace_strict(distinct, hashed, default=None, return_dtype=pl.Int64)
