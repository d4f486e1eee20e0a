"""The data-quality report: what it finds, and that a steward can read it anywhere."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sundbench.registers.catalogue import Catalogue
from sundbench.site import Site
from sundbench.store.freeze import Freeze, create
from sundbench.store.quality import by_year, spikes

Deliver = Callable[..., Path]


def quality(freeze: Freeze) -> dict[str, object]:
    told: dict[str, object] = json.loads((freeze.path / "quality.json").read_bytes())
    return told


def findings(freeze: Freeze) -> list[str]:
    return [f"{f['register']}: {f['what']}" for f in quality(freeze)["findings"]]  # type: ignore[attr-defined]


@pytest.fixture
def frozen(site: Site, small: Catalogue, deliver: Deliver) -> Freeze:
    months = [f"{year}{month:02d}" for year in (2018, 2020, 2021) for month in range(1, 13)]
    lines = [f"p{n},{month}15,A\n" for month in months for n in range(60 if month != "202006" else 400)]
    delivery = deliver(
        {
            "lmdb.csv": "pnr,eksd,atc,navn,odd\n" + "".join(line.strip() + ",,\n" for line in lines),
            "bef.csv": "pnr,koen,referencetid\na,1,20200101\nb,7,20200101\nb,7,20200101\n"
            "c,9,19891231\n,1,20200101\n",
            "notes.txt": "hello",
        }
    )
    return create(site, delivery, "one", catalogue=small)


def test_what_stands_out_is_found(frozen: Freeze) -> None:
    assert findings(frozen) == [
        "bef: 1 of 5 rows are quarantined: pnr: no person",
        "bef: no rows in 1990, 1991, 1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999, 2000, 2001, 2002, 2003,"
        " 2004, 2005, 2006, 2007, 2008, 2009, 2010, 2011, 2012, 2013, 2014, 2015, 2016, 2017, 2018, 2019",
        "bef: 1 rows are dated outside the years that the register holds",
        "bef: 2 rows have a koen that the catalogue doesn't know",
        "bef: 1 rows repeat another one in every column",
        "lmdb: no rows in 2019",
        "lmdb: 400 rows in 2020-06, usually 60",
        "lmdb: columns that the catalogue doesn't know were left out: odd",
        "lmdb: navn: missing in every row",
    ]
    assert quality(frozen)["unknown_files"] == ["notes.txt"]


def test_a_freeze_is_compared_with_the_one_before(
    frozen: Freeze, site: Site, small: Catalogue, deliver: Deliver
) -> None:
    rows = "".join(f"p{n},20200115,A\n" for n in range(60))
    later = create(site, deliver({"lmdb.csv": "pnr,eksd,atc\n" + rows}, "two"), "two", catalogue=small)
    assert quality(later)["before"] == "one"
    assert "bef: was in freeze one, is not in this one" in findings(later)
    assert "lmdb: 2020: 60 rows, 1,060 in the freeze before" in findings(later)
    assert "lmdb: 2018: 0 rows, 720 in the freeze before" in findings(later)


def test_the_page_is_self_contained(frozen: Freeze) -> None:
    page = (frozen.path / "quality.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|src=|@import|url\(", page)
    assert "400 rows in 2020-06, usually 60" in page
    assert "Rækker pr. år" in page
    assert "<script" not in page


def test_a_long_text_in_a_code_column_is_not_shown(site: Site, small: Catalogue, deliver: Deliver) -> None:
    freeze = create(site, deliver({"bef.csv": "pnr,koen\na,6101801234\n"}), "f", catalogue=small)
    for name in ("quality.json", "quality.html", "freeze.json"):
        assert "6101801234" not in (freeze.path / name).read_text(encoding="utf-8")


def test_rows_by_year() -> None:
    assert by_year({201901: 2, 201912: 3, 202001: 1}) == {"2019": 5, "2020": 1}


def test_a_month_is_compared_with_those_around_it() -> None:
    flat = {year * 100 + month: 100 for year in (2019, 2020) for month in range(1, 13)}
    assert spikes(flat) == []
    assert spikes(flat | {201906: 300}) == [{"month": 201906, "rows": 300, "usual": 100}]
    assert spikes(flat | {201906: 299, 202003: 33}) == [{"month": 202003, "rows": 33, "usual": 100}]
    assert (
        spikes({month: rows // 10 for month, rows in (flat | {201906: 900}).items()}) == []
    )  # too few to judge
    without = {month: rows for month, rows in flat.items() if month != 201907}
    assert spikes(without) == [{"month": 201907, "rows": 0, "usual": 100}]
