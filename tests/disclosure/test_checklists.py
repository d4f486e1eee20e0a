"""Attempts to let records leave as a checklist, the one output whose texts are long."""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from sundbench.cohort import record_pe
from sundbench.disclosure.check import check
from sundbench.disclosure.checklists import LONGEST
from sundbench.disclosure.encoding import parquet
from sundbench.disclosure.output import Column, Output
from sundbench.disclosure.profile import profile
from sundbench.registers.catalogue import Text
from sundbench.release.outputs import Outputs

Stopped = Callable[..., str]

PROTOCOL = (
    "New users (apixaban: a dispensing of B01AF02) free of it from day -365 to day -1; codes DI60, DI61, "
    "NPU27300; lpr3a_diagnose 2019-02-02 to 2024-12-31; fra 1. januar 2012; at least 1,000 or 1.000."
)


def forge(out: Outputs, *rows: tuple[str, str, str], kind: str = "checklist", **roles: str) -> None:
    """Write a checklist as somebody would who doesn't use the library's way."""
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    content = parquet(pa.table(columns, names=["item", "da", "en"]))
    (out.folder / "record_pe.parquet").write_bytes(content)
    given = {"item": "dimension", "da": "answer", "en": "answer"} | roles
    card = Output(
        name="record_pe",
        kind=kind,
        title=Text(da="x", en="x"),
        rows=len(rows),
        columns={name: Column(role=role) for name, role in given.items()},
        file="record_pe.parquet",
        digest=hashlib.sha256(content).hexdigest(),
    )
    (out.folder / "record_pe.json").write_text(card.model_dump_json(exclude_none=True), encoding="utf-8")


def test_a_protocol_may_leave_and_is_shown_to_the_reviewers(out: Outputs, stopped: Stopped) -> None:
    forge(out, ("1a", "Kohortestudie.", "Cohort study."), ("12.1", PROTOCOL, PROTOCOL))
    assert stopped() == ""
    shown = [finding.line for finding in check(out.folder, profile("default"))]
    assert len(shown) == 1
    assert "read it: it should say how, and of nobody" in shown[0]


BIRTHDAYS = [date(1950, 1, 1) + timedelta(days=41 * n) for n in range(70)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" and ".join(f"age {20 + n % 70}" for n in range(70)), "holds 70 numbers"),
        (" ".join(day.isoformat() for day in BIRTHDAYS), "holds 70 days"),
        (" ".join(f"{day.day}. marts {day.year}" for day in BIRTHDAYS), "holds 70 days"),
        ("person 1234567", "more than 5 digits"),
        ("person 1.234.567", "more than 5 digits"),
        ("p12a34b56", "more than 5 digits"),
        ("q" * 46, "a word of more than 45 letters"),
        ("see 0703701234", "holds what looks like a person number"),
        ("ages 47;62;59", "holds a list of numbers"),
        ("wo\u200brds", "holds letters that can't be seen"),
        ("word " * 801, "holds 4005 letters"),
    ],
)
def test_records_in_an_answer(out: Outputs, stopped: Stopped, text: str, says: str) -> None:
    forge(out, ("1a", text, "Cohort study."))
    assert says in stopped()


def test_many_long_answers(out: Outputs, stopped: Stopped) -> None:
    text = "word " * 700
    forge(out, *((number, text, "x") for number in list(record_pe.items())[:9]))
    assert f"holds {9 * len(text)} letters, where {LONGEST} are plenty" in stopped()


@pytest.mark.parametrize(
    "items", [["1a", "1a"], ["4", "1a"], ["person 7"], ["1a", "99"]], ids=["twice", "order", "own", "unknown"]
)
def test_rows_that_are_no_items(out: Outputs, stopped: Stopped, items: list[str]) -> None:
    forge(out, *((item, "x", "x") for item in items))
    assert "has items that RECORD-PE hasn't, twice or out of order" in stopped()


def test_columns_that_are_no_answers(out: Outputs, stopped: Stopped) -> None:
    forge(out, ("1a", "x", "x"), da="dimension")
    assert "has other columns than item, da and en, all text" in stopped()


def test_text_that_is_called_a_value(out: Outputs, stopped: Stopped) -> None:
    forge(out, ("1a", "x", "x"), da="value")
    assert "da: holds text where its card says numbers" in stopped()


def test_answers_in_another_output(out: Outputs, stopped: Stopped) -> None:
    forge(out, ("1a", "word " * 400, "x"), kind="estimates")
    assert "has answers, which only a checklist has" in stopped()


def test_a_long_category_is_still_too_long_elsewhere(out: Outputs, stopped: Stopped) -> None:
    out.counts("sex", pd.DataFrame({"sex": ["word " * 100], "persons": [50]}), by=["sex"])
    assert "holds 500 letters, where 300 are plenty" in stopped()
