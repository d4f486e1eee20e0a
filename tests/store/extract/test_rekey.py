from hashlib import blake2b

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from sundbench.store.rekey import rekey

KEY, OTHER = b"k" * 32, b"o" * 32


def test_it_is_keyed_blake2b_of_space_and_value():
    digest = blake2b(b"recnum\x00000123", digest_size=8, key=KEY).digest()
    expected = int.from_bytes(digest, "little", signed=True)

    assert rekey(pl.Series(["000123"]), "recnum", KEY).to_list() == [expected]


def test_missing_stays_missing():
    assert rekey(pl.Series("recnum", [None, None], dtype=pl.String), "recnum", KEY).to_list() == [None, None]
    assert rekey(pl.Series([], dtype=pl.String), "recnum", KEY).dtype == pl.Int64


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=50))
def test_equal_values_and_no_others_become_equal(values):
    found = rekey(pl.Series(values, dtype=pl.String), "recnum", KEY).to_list()

    assert len(found) == len(values)
    pairs = set(zip(values, found, strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({key for _, key in pairs})


@given(st.text(max_size=20))
def test_another_key_or_space_is_another_number(value):
    here = rekey(pl.Series([value]), "recnum", KEY)[0]

    assert here != rekey(pl.Series([value]), "recnum", OTHER)[0]
    assert here != rekey(pl.Series([value]), "familie_id", KEY)[0]
