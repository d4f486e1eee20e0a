"""Dispensings: a correction cancels the latest packages of the same product."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.cohort.views import dispensings
from sundbench.cohort.views.dispensings import DISPENSING
from sundbench.cohort.views.netting import corrected
from sundbench.errors import StudyError

Row = tuple[int, date, int]


def lmdb(*rows: Row, atc: str = "C10AA01", vnr: str | None = "000001", **more: list[object]) -> pl.DataFrame:
    """LMDB from (person, day, packages); each package costs 10 kroner and holds 30 DDD."""
    persons, days, packages = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "person": persons,
            "eksd": days,
            "atc": [atc] * len(rows),
            "vnr": pl.Series([vnr] * len(rows), dtype=pl.String),
            "apk": packages,
            "volume": [30.0] * len(rows),
            "eksp": [1000 * n for n in packages],
            **more,
        }
    )


def kept(bucket, frame: pl.DataFrame) -> list[Row]:
    """Sorted (person, date, packages) of what the view keeps."""
    return sorted(dispensings(bucket(lmdb=frame)).select("person", "date", "packages").collect().rows())


def test_columns_and_types(bucket):
    view = dispensings(bucket(lmdb=lmdb((1, date(2020, 1, 1), 2))))
    assert view.collect_schema() == {"person": pl.Int32, **DISPENSING}
    assert view.collect().select("packages", "ddd", "price").row(0) == (2.0, 60.0, 2000)


def test_a_correction_on_the_same_day_cancels(bucket):
    assert kept(bucket, lmdb((1, date(2020, 1, 1), 1), (1, date(2020, 1, 1), -1))) == []


def test_a_correction_cancels_the_latest_earlier_dispensing(bucket):
    rows = lmdb((1, date(2020, 1, 1), 1), (1, date(2020, 2, 1), 1), (1, date(2020, 2, 9), -1))
    assert kept(bucket, rows) == [(1, date(2020, 1, 1), 1.0)]


def test_a_correction_in_part_keeps_the_rest_in_proportion(bucket):
    rows = lmdb((1, date(2020, 1, 1), 3), (1, date(2020, 1, 3), -1))
    left = dispensings(bucket(lmdb=rows)).select("packages", "ddd", "price").collect()
    assert left.rows() == [(2.0, 60.0, 2000)]


def test_a_correction_reaches_back_over_several_dispensings(bucket):
    rows = lmdb((1, date(2020, 1, 1), 2), (1, date(2020, 1, 5), 1), (1, date(2020, 1, 9), -2))
    assert kept(bucket, rows) == [(1, date(2020, 1, 1), 1.0)]


def test_a_correction_cancels_nothing_that_comes_later(bucket):
    rows = lmdb((1, date(2020, 1, 1), -1), (1, date(2020, 1, 2), 1))
    assert kept(bucket, rows) == [(1, date(2020, 1, 2), 1.0)]


@pytest.mark.parametrize(
    "other", [lmdb((2, date(2020, 1, 1), -1)), lmdb((1, date(2020, 1, 1), -1), vnr="000002")]
)
def test_another_person_or_product_is_not_touched(bucket, other):
    rows = pl.concat([lmdb((1, date(2020, 1, 1), 1)), other])
    assert kept(bucket, rows) == [(1, date(2020, 1, 1), 1.0)]


def test_a_missing_product_number_matches_a_missing_one(bucket):
    assert kept(bucket, lmdb((1, date(2020, 1, 1), 1), (1, date(2020, 1, 2), -1), vnr=None)) == []


def test_no_packages_drop_and_unknown_packages_stay(bucket):
    rows = lmdb((1, date(2020, 1, 1), 0), (2, date(2020, 1, 1), 1))
    unknown = lmdb((3, date(2020, 1, 1), 1)).with_columns(pl.lit(None, dtype=pl.Int64).alias("apk"))
    assert [row[0] for row in kept(bucket, pl.concat([rows, unknown]))] == [2, 3]


def test_without_packages_in_the_permit_nothing_is_netted(bucket):
    view = dispensings(bucket(lmdb=lmdb((1, date(2020, 1, 1), 1)).drop("apk", "volume")))
    assert view.select("person", "packages", "ddd").collect().rows() == [(1, None, None)]


def test_a_permit_without_the_drug_code_is_refused(bucket):
    with pytest.raises(StudyError, match="lmdb lacks atc"):
        dispensings(bucket(lmdb=lmdb((1, date(2020, 1, 1), 1)).drop("atc")))


def test_an_extract_without_the_register_is_refused(bucket):
    with pytest.raises(StudyError, match=r"no dispensings.*lmdb"):
        dispensings(bucket(dod=pl.DataFrame({"person": [1], "doddato": [date(2020, 1, 1)]})))


TWO_DRUGS = pl.concat(
    [
        lmdb((1, date(2020, 1, 1), 1), (1, date(2021, 1, 1), 1), (1, date(2021, 1, 2), -1)),
        lmdb((1, date(2020, 1, 1), 1), atc="B01AF02"),
    ]
)


def test_where_and_filters_give_the_same(bucket):
    statin = pl.col("atc").str.starts_with("C10")
    by_where = dispensings(bucket(lmdb=TWO_DRUGS), where=statin).collect()
    by_filter = dispensings(bucket(lmdb=TWO_DRUGS)).filter(statin).collect()
    assert by_where.equals(by_filter)
    assert by_where["date"].to_list() == [date(2020, 1, 1)]


def test_a_filter_on_dates_comes_after_netting(bucket):
    """The correction of 2 January 2021 lies outside the filter and still cancels."""
    first_of_january = pl.col("date") == date(2021, 1, 1)
    assert dispensings(bucket(lmdb=TWO_DRUGS)).filter(first_of_january).collect().is_empty()


def test_where_over_dates_is_refused(bucket):
    with pytest.raises(ValueError, match="person, atc, vnr alone"):
        dispensings(bucket(lmdb=TWO_DRUGS), where=pl.col("date") > date(2020, 1, 1))


def test_the_filter_and_the_columns_reach_the_scan(bucket):
    statin = pl.col("atc").str.starts_with("C10")
    plan = dispensings(bucket(lmdb=TWO_DRUGS)).filter(statin).select("person").explain()
    assert "PROJECT 2/11" in plan
    assert "FILTER" not in plan


row = st.tuples(
    st.integers(1, 2), st.integers(0, 6), st.sampled_from(["C10AA01", "B01AF02"]), st.integers(-3, 4)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(row, max_size=12))
def test_netting_by_hand(rows):
    """A stack a product: dispensings are laid on, corrections take from the top."""
    start = date(2020, 1, 1)
    left = []
    for product in {(person, atc) for person, _, atc, _ in rows}:
        stack: list[list[int]] = []
        mine = [(day, apk < 0, apk) for person, day, atc, apk in rows if (person, atc) == product and apk]
        for day, _, apk in sorted(mine):
            if apk > 0:
                stack.append([day, apk])
                continue
            left_over = -apk
            while left_over and stack:
                taken = min(left_over, stack[-1][1])
                left_over -= taken
                stack[-1][1] -= taken
                if stack[-1][1] == 0:
                    stack.pop()
        left += [(*product, start + timedelta(day), float(apk)) for day, apk in stack]

    table = pl.DataFrame(
        [(person, start + timedelta(day), atc, "1", float(apk)) for person, day, atc, apk in rows],
        schema={
            "person": pl.Int32,
            "date": pl.Date,
            "atc": pl.String,
            "vnr": pl.String,
            "packages": pl.Float64,
        },
        orient="row",
    )
    found = corrected(table).select("person", "atc", "date", "packages")
    assert sorted(found.rows()) == sorted(left)
