"""Dispensings: as many as in Denmark, and the compared drugs come from the comparisons alone."""

from __future__ import annotations

import polars as pl

from sundbench.registers.synthetic.figures import figures, medicines


def test_there_are_about_ten_dispensings_a_person_year_of_late(read):
    assert 8 < len(read("lmdb", 2021)) / len(read("bef", 2021)) < 14


def test_common_medicines_are_used_as_much_as_published(read):
    rows = read("lmdb", 2021)
    living = len(read("bef", 2021))

    def users(atc: str) -> float:
        return rows.filter(pl.col("atc").str.starts_with(atc))["pnr"].n_unique() / living

    # Users a 1,000 about 2020 (medstat.dk, approximate): statins 120, metformin 40, paracetamol 150.
    assert 0.07 < users("C10AA") < 0.20
    assert 0.02 < users("A10BA02") < 0.08
    assert 0.08 < users("N02BE01") < 0.22
    assert 0.03 < users("N02A") < 0.12


def test_the_compared_drugs_are_not_among_the_ordinary_ones():
    ordinary = {row["atc"] for row in medicines() if row["kind"] != "planted"}
    for name, rule in figures("comparisons").items():
        if isinstance(rule, dict):
            assert not ordinary & {rule.get("new"), rule.get("standard"), rule.get("drug")}, name


def test_a_dispensing_costs_its_packages(read):
    price = {row["atc"]: float(row["price"]) for row in medicines()}
    rows = read("lmdb", 2020).head(2_000)
    for atc, apk, paid in rows.select("atc", "apk", "eksp").iter_rows():
        assert abs(float(paid) - price[atc] * int(apk)) < 0.01
