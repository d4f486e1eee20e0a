"""The table of boundaries says what the engine does, and the guide shows the table."""

import re

import boundary_probes
import pytest
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort import boundaries
from sundbench.errors import StudyError

ROWS = boundaries.rows()


@pytest.fixture
def extract(write_extract):
    return lambda *persons: sb.connect(write_extract(registers(persons), coverage=ALWAYS))


@pytest.mark.parametrize("row", ROWS, ids=[row.written[0] for row in ROWS])
def test_the_engine_does_what_the_table_says(row, extract):
    probe = getattr(boundary_probes, row.probe)
    found = {day: probe(row, day, extract) for day in (*row.inside, *row.outside)}
    assert found == dict.fromkeys(row.inside, True) | dict.fromkeys(row.outside, False)


def test_the_guide_shows_the_table(repository):
    page = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    assert boundaries.written_into(page) == page, "python -m sundbench.cohort.boundaries docs/cohorts.md"


def test_a_page_without_a_place_for_it():
    with pytest.raises(StudyError, match="write the table between them"):
        boundaries.written_into("# A page")


def test_no_row_stands_twice():
    assert len({row.written for row in ROWS}) == len(ROWS)


def test_it_prints_in_both_languages():
    assert re.search(r"^before\(days=30\) +\[-30, -1\]$", str(sb.boundaries()), re.MULTILINE)
    assert "et år er 365,25 dage" in str(sb.boundaries("da"))
    assert "<code>before(days=30)</code>" in sb.boundaries()._repr_html_()
    with pytest.raises(StudyError):
        sb.boundaries("sv")
