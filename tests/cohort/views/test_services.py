"""Services of primary care."""

from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import services
from sundbench.cohort.views.services import SERVICE


def fees(*weeks: date, child: str = "0", number: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1] * len(weeks),
            "honuge": weeks,
            "speciale": "800101",
            "ydlant": number,
            "bruhon": 15_000,
            "barnmak": child,
        }
    )


def weeks(view: pl.LazyFrame) -> list[date]:
    return sorted(view.collect()["date"].to_list())


def test_columns_and_types(bucket):
    view = services(bucket(sssy=fees(date(2010, 1, 4), number=3)))
    assert view.collect_schema() == {"person": pl.Int32, **SERVICE}
    assert view.collect().rows() == [(1, date(2010, 1, 4), "800101", 3, 15_000, False)]


def test_2005_counts_once_by_sssy(bucket):
    one = bucket(sysi=fees(date(2004, 12, 27), date(2005, 1, 3)), sssy=fees(date(2005, 1, 3)))
    assert weeks(services(one)) == [date(2004, 12, 27), date(2005, 1, 3)]


def test_without_sssy_2005_counts_by_sysi(bucket):
    assert weeks(services(bucket(sysi=fees(date(2005, 1, 3))))) == [date(2005, 1, 3)]


def test_where_sssy_begins_later_2005_counts_by_sysi(write_extract):
    root = write_extract(
        {"sysi": fees(date(2005, 1, 3)), "sssy": fees(date(2006, 1, 2))},
        coverage={"sssy": (date(2006, 1, 1), date(2025, 12, 31))},
    )
    assert weeks(services(Bucket(root, 0))) == [date(2005, 1, 3), date(2006, 1, 2)]


def test_a_child_s_services_are_left_out_unless_asked_for(bucket):
    one = bucket(sssy=fees(date(2010, 1, 4), child="1"))
    assert weeks(services(one)) == []
    assert weeks(services(one, children=True)) == [date(2010, 1, 4)]


def test_filters_reach_the_scan(bucket):
    dentist = pl.col("specialty").str.starts_with("50")
    plan = services(bucket(sssy=fees(date(2010, 1, 4))), children=True).filter(dentist).explain()
    assert "SELECTION" in plan
    assert "FILTER" not in plan
