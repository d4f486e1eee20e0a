"""Rules on checklists: prose about a study's protocol, which may hold codes and days but no records.

A checklist is the one output whose texts are long. So its rows are the items that the library knows, each
once, its columns are three, and what is in it is bounded: letters, days, numbers, and letters mixed with
digits. What a text says, only people can judge: each checklist is shown to the reviewers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from sundbench.cohort import record_pe
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.profile import Profile

_COLUMNS = {"item": "dimension", "da": "answer", "en": "answer"}

LONGEST = 30_000
"""Letters that all answers in one language may have."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}\. [a-zæøå]+ \d{4}")
_TOKEN = re.compile(r"\w+")
_MOST = {"days": 60, "numbers": 60}
"""Days, and other numbers, that one answer may have."""

_DIGITS = 5
"""Digits that a number, or letters mixed with digits, may have: the longest code (NPU27300) has five."""

_WORD = 45
"""Letters of a word; Danish ones are long."""

_REMEDY = "write it with outputs().checklist, and say less in the protocol's names"


def told(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Whether a checklist is one, and holds protocol rather than records."""
    card = output.card
    if card.kind != "checklist":
        if card.having("answer"):
            yield Finding(card.name, "", "has answers, which only a checklist has", _REMEDY)
        return
    if {name: column.role for name, column in card.columns.items()} != _COLUMNS or any(
        dtype != pl.String for dtype in output.table.dtypes
    ):
        yield Finding(card.name, "", "has other columns than item, da and en, all text", _REMEDY)
        return
    if output.table.null_count().sum_horizontal().item():
        yield Finding(card.name, "", "lacks an item or an answer", _REMEDY)
        return
    given = output.table["item"].to_list()
    if given != [number for number in record_pe.items() if number in set(given)]:
        yield Finding(card.name, "item", "has items that RECORD-PE hasn't, twice or out of order", _REMEDY)
        return
    for language in ("da", "en"):
        answers = output.table[language].to_list()
        if sum(map(len, answers)) > LONGEST:
            rule = f"holds {sum(map(len, answers))} letters, where {LONGEST} are plenty"
            yield Finding(card.name, language, rule, _REMEDY)
        for number, answer in zip(given, answers, strict=True):
            for rule in _too_much(answer):
                yield Finding(card.name, f"item {number}, {language}", rule, _REMEDY)
    rule = "holds text of the study's protocol, which can't be checked here"
    yield Finding(card.name, "", rule, "read it: it should say how, and of nobody", blocks=False)


def _too_much(answer: str) -> Iterator[str]:
    days = _DAY.findall(answer)
    if len(days) > _MOST["days"]:
        yield f"holds {len(days)} days, where {_MOST['days']} are plenty"
    rest = _DAY.sub(" ", answer)
    # A number with its thousands set apart is one number.
    tokens = _TOKEN.findall(re.sub(r"(?<=\d)[.,](?=\d)", "", rest))
    numbers = [token for token in tokens if token.isdigit()]
    if len(numbers) > _MOST["numbers"]:
        yield f"holds {len(numbers)} numbers, where {_MOST['numbers']} are plenty"
    if any(sum(map(str.isdigit, token)) > _DIGITS for token in tokens):
        yield f"holds a number or key of more than {_DIGITS} digits"
    if any(len(token) > _WORD for token in tokens):
        yield f"holds a word of more than {_WORD} letters"
