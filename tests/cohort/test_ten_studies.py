"""The guide's ten studies from the literature run, and find people in every arm."""

import re
from pathlib import Path

import pytest
from invented_lives import COVERAGE, lives

import sundbench as sb

GUIDE = Path(__file__).parents[2] / "docs" / "cohorts.md"
SECTION = GUIDE.read_text(encoding="utf-8").partition("## Ten studies from the literature")[2]
STUDIES = dict(re.findall(r"^### \d+\. (.+?)$.*?```python\n(.*?)```", SECTION, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def tables():
    return lives()


def test_there_are_ten():
    assert len(STUDIES) == 10


@pytest.mark.parametrize("written", STUDIES.values(), ids=STUDIES)
def test_it_runs_and_finds_people_in_every_arm(written, tables, write_extract):
    several, one = (
        sb.connect(write_extract(tables, buckets=buckets, coverage=dict.fromkeys(tables, COVERAGE)))
        for buckets in (3, 1)
    )
    names = {"sb": sb, "db": several}
    exec(written, names)
    study, cohort = names["study"], names["cohort"]
    if "drug" in cohort.frame:
        assert set(cohort.frame["drug"]) == set(cohort.arms)
    elif "case" in cohort.frame:
        assert set(cohort.frame["case"]) == {True, False}
    for outcome in study.outcomes:
        assert cohort.frame[f"{outcome}_event"].any()
    for name in study.covariates:
        assert cohort.frame[name].notna().any()
    assert cohort.digest == study.collect(one).digest
    assert "Population" in study.protocol("da")
    assert study.explain(several).rows > 0
    assert len(cohort.flow_chart().table) > 0
    if "pieces" in names:
        assert len(names["pieces"]) > len(cohort)
