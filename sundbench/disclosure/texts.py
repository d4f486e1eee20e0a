"""Rules on words: titles, notes, names and categories say what a table is, and carry no table themselves."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import polars as pl

from sundbench.cohort import record_pe
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted

_LONGEST = {"text": 1500, "category": 300, "step": 1000, "name": 64, "answer": record_pe.LONGEST}
"""Letters that a text about the output, a category, a merged step of a flow chart, a column's name or unit,
and an answer of a checklist may have."""

_COLUMNS = 60

_PERSON_NUMBER = re.compile(r"(?<!\d)(?:[0-2]\d|3[01]|[6-8]\d|9[01])(?:0[1-9]|1[0-2])\d\d[- ]?\d{4}(?!\d)")
"""Day (replacement numbers add 60), month, year and four more digits, anywhere in a text."""

_LIST = re.compile(r"\d(?:\s*[;|\t]\s*-?\d+(?:[.,]\d+)?){2,}|\d+(?:, ?\d+){5,}")
"""Numbers in a row: three set apart as in a file of records, or a list of at least six."""


def wordy(output: Emitted) -> Iterator[Finding]:
    """Texts that are too long for what they are, or that hold person numbers, lists or unseen letters."""
    card = output.card
    if len(card.columns) > _COLUMNS:
        rule = f"has {len(card.columns)} columns, where {_COLUMNS} are plenty"
        yield Finding(card.name, "", rule, "write several tables, or a longer one")
    for name, column in card.columns.items():
        for what, text in (("name", name), ("unit", column.unit or "")):
            yield from _problems(card.name, f"{what} of a column", text, "name")
    said = {"title": card.title, "note": card.note, "alt": card.alt}
    said |= {f"label of {name[:40]}": column.label for name, column in card.columns.items()}
    for what, both in said.items():
        if both is not None:
            for text in (both.da, both.en):
                yield from _problems(card.name, what, text, "text")
    for name in card.having("dimension", "answer"):
        values = output.table[name]
        prose = card.columns[name].role == "answer"
        kind = "answer" if prose else "step" if card.flow_chart else "category"
        if values.dtype == pl.String:
            for text in values.drop_nulls().unique(maintain_order=True):
                yield from _problems(card.name, name, text, kind)


def _problems(output: str, where: str, text: str, kind: str) -> Iterator[Finding]:
    if len(text) > _LONGEST[kind]:
        rule = f"holds {len(text)} letters, where {_LONGEST[kind]} are plenty"
        yield Finding(output, where, rule, "say it shorter: a table can hide in a long text")
    if any(unicodedata.category(letter)[0] == "C" and letter not in "\n\u00ad" for letter in text):
        yield Finding(output, where, "holds letters that can't be seen", "remove them")
    if _PERSON_NUMBER.search(text):
        yield Finding(output, where, "holds what looks like a person number", "remove it")
    elif _LIST.search(text):
        yield Finding(
            output, where, "holds a list of numbers", "put numbers into the table, where they are checked"
        )
