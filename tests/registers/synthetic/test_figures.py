"""Demographic and health figures near the published ones that the data files name."""

from __future__ import annotations

import numpy as np
import pytest

from sundbench.registers.synthetic.figures import day, figures, medicines, year_of
from sundbench.registers.synthetic.health import diseases, fall_ill
from sundbench.registers.synthetic.lives import death_rates, live
from sundbench.registers.synthetic.persons import BORN, draw
from sundbench.registers.synthetic.plan import Plan


@pytest.fixture(scope="module")
def country():
    plan = Plan(40_000, 1995, 2025, 1)
    chunks = []
    for chunk in range(plan.chunks):
        lives = live(plan, chunk, draw(plan, chunk))
        chunks.append((lives, fall_ill(plan, chunk, lives)))
    return plan, chunks


def residents(chunks, date: str) -> int:
    return sum(int(lives.resident(np.arange(len(lives.death)), day(date)).sum()) for lives, _ in chunks)


def test_every_figure_names_its_source():
    for name in ("population", "diseases", "hospital", "oncology", "comparisons", "primary_care"):
        assert "source" in str(figures(name).keys()) or any(
            "source" in key for table in figures(name).values() if isinstance(table, dict) for key in table
        )
    for name, disease in figures("diseases")["disease"].items():
        assert disease["source"], name


def test_the_population_grows_as_denmarks_did(country):
    _, chunks = country
    grown = residents(chunks, "2024-06-30") / residents(chunks, "1995-06-30")
    assert grown == pytest.approx(5993 / 5216, rel=0.05)


def test_people_die_at_the_published_rates(country):
    plan, chunks = country
    years = np.arange(2012, 2023)
    expected = observed = 0.0
    for lives, _ in chunks:
        who = np.arange(len(lives.death))
        for year in years:
            at = day(f"{year}-07-01")
            here = who[lives.resident(who, at)]
            age = lives.age(here, at).astype(int)
            expected += death_rates()[lives.persons.sex[here] - 1, np.minimum(age, 120)].sum()
        died = who[np.isin(year_of(np.minimum(lives.death, plan.end)), years) & (lives.death <= plan.end)]
        observed += lives.resident(died, lives.death[died]).sum()
    assert observed == pytest.approx(expected, rel=0.08)


def test_diseases_come_at_the_published_rates(country):
    _, chunks = country
    found = np.zeros(len(diseases()))
    years = 0.0
    for lives, health in chunks:
        who = np.arange(len(lives.death))
        for year in range(2002, 2012):
            years += lives.resident(who, day(f"{year}-07-01")).sum()
        rows, columns = np.nonzero((health.onset >= day("2002-01-01")) & (health.onset <= day("2011-12-31")))
        here = lives.resident(rows, health.onset[rows, columns])
        found += np.bincount(columns[here], minlength=len(found))
    per_100_000 = dict(zip(diseases(), found / years * 100_000, strict=True))
    # National levels of the sources that diseases.toml names; our age splits are approximate.
    # Lung cancer and atrial fibrillation are made more frequent in later years.
    assert 200 < per_100_000["atrial_fibrillation"] < 420
    assert 60 < per_100_000["lung_cancer"] < 115
    assert 120 < per_100_000["myocardial_infarction"] < 280
    assert 140 < per_100_000["stroke"] < 300
    assert 200 < per_100_000["type_2_diabetes"] < 600


def test_mothers_are_women_of_childbearing_age_and_siblings_ten_months_apart(country):
    _, chunks = country
    for lives, _ in chunks:
        persons = lives.persons
        children = np.flatnonzero(lives.mother >= 0)
        mothers = lives.mother[children]
        age = (persons.birth[children] - persons.birth[mothers]) / 365.25
        assert (persons.sex[mothers] == 2).all()
        assert ((age > 15) & (age < 50)).all()
        order = np.lexsort((persons.birth[children], mothers))
        gap = np.diff(persons.birth[children][order])[np.diff(mothers[order]) == 0]
        assert ((gap == 0) | (gap > 250)).mean() > 0.999


def test_there_are_twins_newborns_and_somebody_of_105(country):
    plan, chunks = country
    lives = chunks[0][0]
    twins = np.flatnonzero(lives.persons.twin >= 0)
    assert len(twins)
    assert (lives.persons.birth[twins] == lives.persons.birth[lives.persons.twin[twins]]).all()
    assert (lives.persons.kind == BORN).any()
    who = np.arange(len(lives.death))
    assert lives.age(who[lives.resident(who, plan.start + 300)], plan.start + 300).max() > 105


def test_medicines_have_distinct_codes_and_item_numbers():
    rows = medicines()
    assert len({row["atc"] for row in rows}) == len({row["vnr"] for row in rows}) == len(rows)
