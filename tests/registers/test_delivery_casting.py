"""From delivered texts to values: what is understood, and what is not of its type."""

from datetime import date
from typing import Any

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.registers.casting import as_text, quick, typed
from sundbench.registers.catalogue import ColumnType
from sundbench.registers.persons import normal, normalised, well_formed


def cast(kind: ColumnType, *texts: str | None, decimal: Any = None) -> list[Any]:
    table = pl.DataFrame({"t": list(texts)}, schema={"t": pl.String}).to_arrow()
    with duckdb.connect() as connection:
        connection.register("given", table)
        query = f"SELECT {typed('t', 'q', kind, decimal)} FROM (SELECT t, {quick('t', kind)} AS q FROM given)"
        return [row[0] for row in connection.execute(query).fetchall()]


def test_integers() -> None:
    assert cast("integer", "1", "-3", "+4", "007", "12.0", "5,00") == [1, -3, 4, 7, 12, 5]
    wrong = ["1.5", "0x10", "1_000", "1e3", "true", "99999999999", "1 2", "", "0b1"]
    assert cast("integer", *wrong) == [None] * len(wrong)


def test_decimals_with_either_mark_unless_one_is_stated() -> None:
    assert cast("decimal", "1.5", "1,5", "-2", "1e3", "0,05") == [1.5, 1.5, -2.0, 1000.0, 0.05]
    wrong = ["1.234,5", "1,234.5", "nan", "inf", "1_000", "1e999", "<5", "1,2,3"]
    assert cast("decimal", *wrong) == [None] * len(wrong)
    assert cast("decimal", "1,5", "1.5", "2", decimal=",") == [1.5, None, 2.0]
    assert cast("decimal", "1,5", "1.5", "2", decimal=".") == [None, 1.5, 2.0]


def test_money_is_ore_and_exact() -> None:
    assert cast("money", "1.10", "1,1", "-0.29", "1234567890.05", "3") == [110, 110, -29, 123456789005, 300]
    assert cast("money", "12 kr", "1_0", "nan") == [None] * 3


@settings(deadline=None, max_examples=50)
@given(st.integers(-(10**13), 10**13))
def test_every_amount_survives(ore: int) -> None:
    spelled = f"{'-' if ore < 0 else ''}{abs(ore) // 100},{abs(ore) % 100:02d}"
    assert cast("money", spelled) == [ore]


def test_dates() -> None:
    assert (
        cast("date", "20240229", "2024-02-29", "2024-02-29 10:30:00", "2024-02-29T10:30")
        == [date(2024, 2, 29)] * 4
    )
    wrong = [
        "20230231",
        "2023-02-31",
        "31-01-2023",
        "infinity",
        "2012011",
        "epoch",
        "2023/01/01",
        "202301",
        "0x201201",
    ]
    assert cast("date", *wrong) == [None] * len(wrong)


@settings(deadline=None, max_examples=50)
@given(st.dates(date(1800, 1, 1)))
def test_every_date_survives_in_both_spellings(day: date) -> None:
    assert cast("date", day.strftime("%Y%m%d").zfill(8), day.isoformat()) == [day, day]


def test_times() -> None:
    spelled = [str(time) for time in cast("datetime", "20190302", "2019-03-02", "2019-03-02 23:59:59")]
    assert spelled == ["2019-03-02 00:00:00", "2019-03-02 00:00:00", "2019-03-02 23:59:59"]
    assert cast("datetime", "2019-03-02 25:00:00", "2019-02-31", "soon") == [None] * 3


def test_fee_weeks_are_iso_weeks_of_either_century() -> None:
    assert cast("week", "9924", "0453", "0501", "714", "1") == [
        date(1999, 6, 14),
        date(2004, 12, 27),
        date(2005, 1, 3),
        date(2007, 4, 2),
        date(2000, 1, 3),
    ]
    assert cast("week", "0500", "0554", "0553", "99241", "ab") == [None] * 5  # 2005 has 52 weeks


def test_years() -> None:
    assert cast("year", "1999", "2024.0", "99", "1500") == [1999, 2024, None, None]


def test_typed_columns_are_spelled_as_text() -> None:
    table = pl.DataFrame(
        {"n": [1.0, 2.5, None], "i": [7, 8, 9], "d": [date(2024, 1, 2)] * 3, "s": [" a ", "", "b"]}
    )
    with duckdb.connect() as connection:
        connection.register("given", table.to_arrow())
        kinds = {"n": "DOUBLE", "i": "BIGINT", "d": "DATE", "s": "VARCHAR"}
        texts = ", ".join(as_text(name, kind) for name, kind in kinds.items())
        assert connection.execute(f"SELECT {texts} FROM given").fetchall() == [
            ("1", "7", "2024-01-02", "a"),
            ("2.5", "8", "2024-01-02", None),
            (None, "9", "2024-01-02", "b"),
        ]


def test_person_numbers_have_a_form_but_no_check_digit() -> None:
    good = ["0101801234", "6101801234", "2902001234", "3112999999", "9112604000"]
    bad = [
        "3002801234",
        "3113801234",
        "0001801234",
        "010180123",
        "01018012345",
        "010180-1234",
        "a101801234",
        "6001801234",
    ]
    bad += ["9202801234", "٠١٠١٨٠١٢٣٤"]
    assert well_formed(pl.Series(good)).to_list() == [True] * len(good)
    assert well_formed(pl.Series(bad)).to_list() == [False] * len(bad)


def test_person_numbers_are_spelled_in_one_way() -> None:
    with duckdb.connect() as connection:
        sql = f"SELECT {normal('t', number=False)}, {normal('t', number=True)} FROM (SELECT unnest(?) AS t)"
        assert connection.execute(sql, [["010180-1234", "101801234"]]).fetchall() == [
            ("0101801234", "010180-1234"),
            ("101801234", "0101801234"),
        ]
    assert normalised(pl.Series([" 010180-1234", "", "x-1"])).to_list() == ["0101801234", None, "x-1"]
