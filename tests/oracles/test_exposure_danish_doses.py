"""Daily doses by medicinMacro against the R package heaven (oracle danish_registry_heaven).

The package's program departs from the published rule in three points (docs/exposure.md). A plain
implementation that departs in the same points gives all its periods; the same without them is what
``danish_doses`` gives. So the three points are all the difference there is.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from sundbench.cohort.exposure import DanishDoses, DoseRange, danish_doses

sys.path.append(str(Path(__file__).parents[1] / "cohort" / "exposure"))
import slow_doses

DAY0 = date(1995, 1, 1)


@pytest.fixture
def example(oracle):
    folder, expected = oracle("danish_registry_heaven")
    rules = expected["expected"]["medicin"]["d1"]
    first, last = (date.fromisoformat(day) for day in rules["period"])
    purchases = pl.read_csv(folder / "medicin_prescriptions.csv", try_parse_dates=True).filter(
        pl.col("atc").is_in(rules["atc"]) & pl.col("eksd").is_between(first, last)
    )
    purchases = purchases.select(
        pl.col("pnr").alias("person"),
        pl.col("eksd").alias("date"),
        pl.col("strnum").alias("strength"),
        pl.col("apk").alias("packages"),
        pl.col("packsize").alias("package_size"),
    )
    stays = pl.read_csv(folder / "medicin_admissions.csv", try_parse_dates=True).select(
        pl.col("pnr").alias("person"),
        pl.col("first.indate").alias("start"),
        pl.col("last.outdate").alias("end"),
    )
    doses = rules["doses"]
    ranges = list(zip(doses["value"], doses["min"], doses["max"], doses["def"], strict=True))
    return folder, purchases, stays, ranges, rules["maxdepot"], rules["prescriptionwindow"]


def slowly(purchases, stays, *rules, follow):
    found = []
    for person in purchases["person"].unique().sort():
        own = purchases.filter(pl.col("person") == person).drop("person")
        hospital = stays.filter(pl.col("person") == person).drop("person")
        rows = [((day - DAY0).days, *rest) for day, *rest in own.rows()]
        ends = [((a - DAY0).days, (b - DAY0).days) for a, b in hospital.rows()]
        for dose, start, stop in slow_doses.danish_doses(rows, *rules, ends, follow):
            found.append((person, float(dose), DAY0 + timedelta(days=start), DAY0 + timedelta(days=stop)))
    return found


@pytest.mark.parametrize(
    ("file", "hospital"), [("expected_medicin_with_adm", True), ("expected_medicin_no_adm", False)]
)
class TestMedicinMacro:
    def test_the_three_points_explain_every_row_of_the_reference(self, example, file, hospital):
        folder, purchases, stays, *rules = example
        stays = stays if hospital else stays.clear()
        theirs = pl.read_csv(folder / f"{file}.csv", try_parse_dates=True).select(
            "pnr", "dose", "firstday", "lastday"
        )
        assert slowly(purchases, stays, *rules, follow=slow_doses.Heaven()) == theirs.rows()

    def test_without_them_it_is_what_we_give(self, example, file, hospital):
        _, purchases, stays, ranges, depot, window = example
        stays = stays if hospital else stays.clear()
        rules = DanishDoses(tuple(DoseRange(*one) for one in ranges), depot, window)
        ours = (
            danish_doses(purchases, rules, stays=stays)
            .with_columns(pl.col("end") + timedelta(days=1))
            .drop("days")
        )
        slow = slowly(purchases, stays, ranges, depot, window, follow=slow_doses.PUBLISHED)
        assert ours.rows() == slow
