"""Extracts of a few persons who get a drug on the index day."""

import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

import sundbench as sb

sys.path.append(str(Path(__file__).parents[1]))

from reference import Happening, Person
from reference_extracts import ALWAYS, registers

INDEX = date(2012, 6, 1)


class People:
    """What happens, by days from the index day."""

    index = INDEX

    @staticmethod
    def on(day):
        return INDEX + timedelta(days=day)

    @staticmethod
    def gets(code, *days, packages=1):
        return [
            Happening("dispensings", INDEX + timedelta(days=day), code, values=(("packages", packages),))
            for day in days
        ]

    @staticmethod
    def ill(code, *days):
        return [Happening("diagnoses", INDEX + timedelta(days=day), code, "A") for day in days]

    @staticmethod
    def dies(day):
        return [Happening("deaths", INDEX + timedelta(days=day))]

    @staticmethod
    def person(number, *life, born=date(1950, 6, 1)):
        return Person(
            number,
            born,
            "female",
            ((date(2011, 12, 31), "Capital"),),
            tuple(h for part in life for h in part),
        )


@pytest.fixture
def people():
    return People


@pytest.fixture
def extract(write_extract):
    def make(*persons, buckets=1, coverage=None, without=(), more=None):
        tables = registers(persons) | (more or {})
        tables["lmdb"] = tables["lmdb"].drop(without)
        return sb.connect(write_extract(tables, buckets=buckets, coverage=ALWAYS | (coverage or {})))

    return make


@pytest.fixture
def study():
    def make(**parts):
        population = sb.new_users(
            {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, washout_days=365
        )
        return sb.Study(population, (INDEX, INDEX), **parts)

    return make
