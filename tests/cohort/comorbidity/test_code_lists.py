"""The code lists: whole, spelled as LPR spells, and with hierarchies that lead somewhere."""

import re

import pytest

from sundbench.cohort.comorbidity.code_lists import CODES, code_list

LISTS = [(index, codes) for index, listed in CODES.items() for codes in listed]


@pytest.mark.parametrize(("index", "codes"), LISTS)
def test_lists_are_whole(index, codes):
    listed = code_list(index, codes)
    sizes = {"danish": 19, "heaven": 19}
    assert len(listed.conditions) == (31 if index == "elixhauser" else sizes.get(codes, 17))
    for one in listed.conditions:
        assert one.codes
        assert set(one.weights) == set(listed.weightings) - {"unweighted"}
        assert one.graver is None or listed.condition(one.graver).graver is None


@pytest.mark.parametrize(("index", "codes"), LISTS)
def test_codes_are_spelled_as_in_lpr(index, codes):
    spelled = re.compile(r"D[A-Z]\d[0-9A-Z]*|\d{2,5}")
    odd = [
        code
        for one in code_list(index, codes).conditions
        for code in one.codes
        if not spelled.fullmatch(code)
    ]
    assert odd == (["D86"] if codes == "heaven" else [])
