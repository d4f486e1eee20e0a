"""An attacker who holds two permits' extracts of one freeze tries to find the same people in both.

What links is looked for where it could hide: pseudonyms, record and household numbers, other persons'
columns, the bucket, the place within it, the order of one person's rows.
"""

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from sundbench.store.extract import extract


@pytest.fixture
def two(site, register):
    register("one")
    register("two")
    extract(site, "one", "f1")
    extract(site, "two", "f1")
    return site


def by_chance(persons: int) -> float:
    """Pseudonyms that two permits share by chance: expected number, with room for five deviations."""
    expected = persons**2 / 2**31
    return expected + 5 * expected**0.5 + 1


def test_no_pseudonym_in_common(two, rows):
    for column in ("person", "mor_id"):
        one, other = (set(rows(permit, "bef")[column].drop_nulls()) for permit in ("one", "two"))
        assert len(one & other) <= by_chance(10_400)


@pytest.mark.parametrize(("table", "column"), [("lpr_adm", "recnum"), ("bef", "familie_id")])
def test_no_key_in_common(two, rows, table, column):
    one, other = (set(rows(permit, table)[column]) for permit in ("one", "two"))
    assert not one & other


def test_keys_of_two_spaces_have_nothing_in_common_either(site, register, rows, tables, freeze_more):
    # Record numbers that are spelled like family numbers.
    tables["lpr_adm"] = tables["lpr_adm"].with_columns(
        recnum=pl.concat([tables["bef"]["familie_id"], tables["bef"]["familie_id"]])[: len(tables["lpr_adm"])]
    )
    freeze_more("f2", tables)
    register()
    extract(site, "lung", "f2")

    families = set(rows("lung", "bef", "f2")["familie_id"])
    assert not families & set(rows("lung", "lpr_adm", "f2")["recnum"])


def test_keys_are_not_in_the_order_of_the_nation(two, rows, tables, pseudonyms):
    name = pl.DataFrame({"person": np.arange(10_400, dtype=np.int32), "as": pseudonyms("one")})
    nation = tables["lpr_adm"].join(name, on="person").select("as", "d_inddto", national="recnum")
    joined = rows("one", "lpr_adm").join(nation, left_on=["person", "d_inddto"], right_on=["as", "d_inddto"])
    assert abs(spearmanr(joined["recnum"], joined["national"].cast(pl.Int64)).statistic) < 0.05


def test_neither_file_nor_place_tells_who_is_who(two, pseudonyms):
    # The attacker's guess: the person in the same place of the same file. Right as often as any guess.
    one, other = (np.argsort(pseudonyms(permit)) for permit in ("one", "two"))
    assert (one == other).sum() <= 8
    places = [np.argsort(order) for order in (one, other)]
    assert abs(spearmanr(*places).statistic) < 0.05
    national = np.arange(10_400)
    assert abs(spearmanr(places[0], national).statistic) < 0.05
    buckets = [(pseudonyms(permit).astype(np.int64) * 2) >> 31 for permit in ("one", "two")]
    assert 0.47 < (buckets[0] == buckets[1]).mean() < 0.53


def test_columns_that_stay_behind_leave_no_trace_in_the_order(site, register, freeze_more, tables, rows):
    # Two purchases of one day: in the freeze the one with the lower vnr comes first.
    day = tables["lmdb"].head(1)["eksd"][0]
    person = np.repeat(np.arange(2000, dtype=np.int32), 2)
    tables["lmdb"] = pl.DataFrame(
        {
            "person": person,
            "eksd": [day] * 4000,
            "atc": ["N02BE01", "C10AA01"] * 2000,
            "vnr": ["100001", "100002"] * 2000,
        }
    ).select("person", "eksd", "vnr", "atc")
    freeze_more("f2", tables)
    register(registers={"lmdb": ["eksd", "atc"]})
    extract(site, "lung", "f2")

    assert rows("lung", "lmdb", "f2")["atc"].to_list() == ["C10AA01", "N02BE01"] * 2000


def test_the_files_hold_no_national_index(two):
    # Neither statistics nor metadata of a file, nor the manifest's, name what was there before.
    for path in (two.extracts / "one" / "f1").rglob("*.parquet"):
        assert set(pl.read_parquet_metadata(path)) == set()
        assert path.name.startswith("bucket-0000")


def test_staging_is_gone(two):
    left = {path.name for path in (two.extracts / "one").rglob("*") if path.name.startswith(".")}
    assert left == {".lock"}
    assert not list(two.extracts.rglob("*.staged"))
