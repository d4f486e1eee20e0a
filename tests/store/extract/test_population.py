from datetime import date

import numpy as np
import pytest

from sundbench.errors import StoreError
from sundbench.governance.permit import Rule
from sundbench.registers.catalogue import catalogue
from sundbench.store.freeze import Freeze
from sundbench.store.population import population

EVERYONE = {"everyone": True}
ILL = {"ever": {"register": "lpr_diag", "column": "c_diag", "prefixes": ["DC34", "DC45"]}}
BORN_1950 = {"born": {"since": date(1950, 1, 1), "until": date(1950, 12, 31)}}
RESIDENT_2012 = {"resident": {"since": date(2012, 1, 1), "until": date(2012, 12, 31)}}


def members(site, rule: dict) -> set[int]:
    """The national indices that a rule takes."""
    found = population(Freeze.open(site, "f1"), Rule.model_validate(rule), catalogue(), workers=2)
    return set(np.flatnonzero(found).tolist())


@pytest.mark.parametrize(
    ("rule", "takes"),
    [
        (EVERYONE, lambda n: True),
        (ILL, lambda n: n % 100 == 0),
        (BORN_1950, lambda n: n % 50 == 0),
        (RESIDENT_2012, lambda n: True),
        ({"all": [BORN_1950, RESIDENT_2012]}, lambda n: n % 50 == 0),
        ({"any": [ILL, BORN_1950]}, lambda n: n % 50 == 0),
        ({"all": [{"any": [ILL, BORN_1950]}, ILL]}, lambda n: n % 100 == 0),
    ],
)
def test_each_rule(site, rule, takes):
    assert members(site, rule) == {n for n in range(10_400) if takes(n)}


def test_nobody(site):
    assert members(site, {"ever": {"register": "lpr_diag", "column": "c_diag", "prefixes": ["C34"]}}) == set()
    assert members(site, {"resident": {"since": date(2013, 1, 1), "until": date(2013, 12, 31)}}) == set()


def test_missing_codes_are_nobodys(site, tables, freeze_more):
    import polars as pl

    tables["lpr_diag"] = tables["lpr_diag"].with_columns(c_diag=pl.lit(None, pl.String))
    freeze_more("f2", tables)

    found = population(Freeze.open(site, "f2"), Rule.model_validate(ILL), catalogue())
    assert not found.any()


def test_a_column_that_the_freeze_lacks(site, tables, freeze_more):
    tables["bef"] = tables["bef"].drop("foed_dato")
    freeze_more("f2", tables)

    with pytest.raises(StoreError, match=r"freeze f2 has no column bef\.foed_dato, which"):
        population(Freeze.open(site, "f2"), Rule.model_validate(BORN_1950), catalogue())
