"""Attempts to let a table leave as words."""

from collections.abc import Callable

import pandas as pd
import pytest

from sundbench.release.outputs import Outputs

Stopped = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ages 47;62;59", "holds a list of numbers"),
        ("47, 62, 59, 71, 33, 80", "holds a list of numbers"),
        ("see 0703701234", "holds what looks like a person number"),
        ("see 670370-1234", "holds what looks like a person number"),
        ("wo\u200brds", "holds letters that can't be seen"),
    ],
)
def test_records_in_words(out: Outputs, stopped: Stopped, text: str, says: str) -> None:
    frame = pd.DataFrame({"sex": ["men", text], "persons": [50, 60]})
    out.counts("category", frame, by=["sex"])
    out.counts("title", frame.head(1), by=["sex"], title=text)
    out.counts("note", frame.head(1), by=["sex"], note={"da": "ja", "en": text})
    out.counts("label", frame.head(1), by=["sex"], labels={"sex": text})
    out.estimates("unit", pd.DataFrame({"v": [1.5]}), persons=50, units={"v": text}, parameters=1)
    out.estimates("column", pd.DataFrame({text: [1.5]}), persons=50, parameters=1)
    found = {line.split(":")[0] for line in stopped().splitlines() if says in line}
    assert found == {"category", "column", "label", "note", "title", "unit"}


@pytest.mark.parametrize(
    "text",
    [
        "60-69 years",
        "from 2018-06-01 to 2023-12-31",
        "1,234,567 kr.",
        "3.5 % in years 0-35, then 2.5 %, 1.5 %",
    ],
)
def test_words_with_numbers_may_leave(out: Outputs, stopped: Stopped, text: str) -> None:
    out.counts("sex", pd.DataFrame({"sex": [text], "persons": [50]}), by=["sex"], title=text, note=text)
    assert stopped() == ""


def test_a_table_as_wide_as_it_should_be_long(out: Outputs, stopped: Stopped) -> None:
    out.estimates("wide", pd.DataFrame({f"v{i}": [i / 7] for i in range(61)}), persons=5000, parameters=1)
    assert "has 61 columns" in stopped()
