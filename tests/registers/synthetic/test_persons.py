"""Person numbers: fictive by construction, unique, of the form that readers expect."""

from __future__ import annotations

import numpy as np
import polars as pl

from sundbench.registers.persons import well_formed
from sundbench.registers.synthetic.figures import year_of
from sundbench.registers.synthetic.persons import Numbering, draw, person_numbers
from sundbench.registers.synthetic.plan import Plan


def everybody(plan: Plan) -> list[pl.Series]:
    numbering = Numbering()
    chunks = [draw(plan, chunk) for chunk in range(plan.chunks)]
    return [person_numbers(persons, numbering.deal(persons)) for persons in chunks]


def test_no_number_could_be_a_regular_one():
    numbers = pl.concat(everybody(Plan(30_000, 1995, 2025, 3)))
    assert well_formed(numbers).all()
    assert numbers.str.slice(0, 2).cast(pl.Int32).is_between(61, 91).all()


def test_no_two_persons_share_a_number_and_none_is_used_twice():
    numbers = pl.concat(everybody(Plan(30_000, 1995, 2025, 3)))
    assert numbers.n_unique() == len(numbers)


def test_many_persons_born_on_one_day_keep_apart():
    plan = Plan(2_000, 2025, 2025, 1)
    persons = draw(plan, 0)
    persons.birth[:] = 20_000
    numbers = person_numbers(persons, Numbering().deal(persons))
    assert numbers.n_unique() == len(numbers)


def test_century_and_sex_are_read_from_the_last_four_digits_as_cpr_has_them():
    plan = Plan(5_000, 1995, 2025, 5)
    persons = draw(plan, 0)
    numbers = person_numbers(persons, Numbering().deal(persons)).head(len(persons.birth))
    year = year_of(persons.birth)
    assert (numbers.str.slice(4, 2).cast(pl.Int32).to_numpy() == year % 100).all()
    assert (numbers.str.slice(9, 1).cast(pl.Int32).to_numpy() % 2 == persons.sex % 2).all()
    seventh = numbers.str.slice(6, 1).cast(pl.Int32).to_numpy()
    assert np.isin(seventh[year < 1900], [5, 6, 7, 8]).all()
    assert np.isin(seventh[(year >= 1900) & (year < 2000)], [0, 1, 2, 3]).all()
    assert np.isin(seventh[year >= 2000], [4, 5, 6, 7, 8, 9]).all()
