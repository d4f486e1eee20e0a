"""A report's annex: the checklist RECORD-PE, filled from the study's protocol, the outputs and the author.

What the protocol answers comes with the release, as an output of the kind ``checklist``; which outputs answer
the items about results, and what only the author knows, stands in the report's ``report.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sundbench.cohort.record_pe import SOURCE, Item, items
from sundbench.registers.catalogue import Text
from sundbench.release.released import Released
from sundbench.release.wording import LANGUAGES, Language


class Additions(BaseModel):
    """What a report adds to the checklist (``[record_pe]`` in report.toml), by the items' numbers.

    Attributes:
        outputs: the outputs that answer an item.
        answers: what the author answers, in Danish and English.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    answers: dict[str, Text] = Field(default_factory=dict)

    @field_validator("outputs", "answers")
    @classmethod
    def _known(cls, value: dict[str, object]) -> dict[str, object]:
        unknown = [number for number in value if number not in items()]
        if unknown:
            raise ValueError(f"RECORD-PE has no item {unknown[0]}: write its numbers as 12a, 12.1 or 12.1.a")
        return value


_WORDS: Mapping[str, Mapping[Language, str]] = {
    "title": {"da": "Bilag: rapportering efter RECORD-PE", "en": "Annex: reporting after RECORD-PE"},
    "intro": {
        "da": "RECORD-PE er en tjekliste for, hvad en undersøgelse af lægemidler på rutinedata bør oplyse "
        "({source}; punkterne er gengivet med egne ord). Svarene er dannet af undersøgelsens protokol, "
        "resultaterne og forfatterne. Datagrundlag {freeze}, tilladelse {permit}, kørsel {run} med "
        "parametrene {parameters}.",
        "en": "RECORD-PE is a checklist of what a study of medicines on routine data should report "
        "({source}; the items are in words of our own). The answers are made from the study's protocol, "
        "the results and the authors. Data version {freeze}, permit {permit}, run {run} with the "
        "parameters {parameters}.",
    },
    "open": {
        "da": "{open} af {all} punkter mangler svar fra forfatterne; de er markeret.",
        "en": "{open} of {all} items still need the authors' answer; they are marked.",
    },
    "whole": {"da": "Alle {all} punkter er besvaret.", "en": "All {all} items are answered."},
    "missing": {"da": "Mangler svar fra forfatterne.", "en": "The authors have yet to answer."},
    "see": {"da": "Se", "en": "See"},
    "number": {"da": "Punkt", "en": "Item"},
    "asks": {"da": "Hvad der spørges om", "en": "What is asked"},
    "answer": {"da": "Svar", "en": "Answer"},
}


def page(released: Released, additions: Additions) -> str:
    """The annex in both languages, as HTML; empty where the release holds no checklist."""
    found = [name for name in released.names if released.card(name).kind == "checklist"]
    if not found:
        return ""
    rows = released.table(found[0]).set_index("item")
    # What rests on too few events is in no release: then the item stays open.
    there = {
        number: tuple(name for name in names if name in released.names)
        for number, names in additions.outputs.items()
    }
    additions = Additions(
        outputs={number: names for number, names in there.items() if names}, answers=additions.answers
    )
    written = "".join(
        _in(lang, {str(item): str(text) for item, text in rows[lang].items()}, released, additions)
        for lang in LANGUAGES
    )
    return f'<section class="annex" id="record-pe">{written}</section>'


def unanswered(protocol: Mapping[str, str], additions: Additions) -> list[str]:
    """The items that still need an answer: the author's, or outputs that show it."""
    return [item.number for item in items().values() if _is_open(item, protocol, additions)]


def _is_open(item: Item, protocol: Mapping[str, str], additions: Additions) -> bool:
    if item.number in additions.answers:
        return False
    if "author" in item.needs:
        return True
    shown = item.number in additions.outputs
    return not shown if "outputs" in item.needs else not shown and item.number not in protocol


def _in(lang: Language, protocol: Mapping[str, str], released: Released, additions: Additions) -> str:
    run = released.about.manifest
    given = ", ".join(f"{name} = {value}" for name, value in run.parameters.items())
    facts = {
        "source": SOURCE,
        "freeze": run.freeze,
        "permit": run.permit,
        "run": run.run,
        "parameters": given,
    }
    still, every = unanswered(protocol, additions), len(items())
    counted = _WORDS["open" if still else "whole"][lang].format(open=len(still), all=every)
    head = "".join(f'<th scope="col">{_WORDS[key][lang]}</th>' for key in ("number", "asks", "answer"))
    tables = "".join(
        f"<table><caption>{escape(section)}</caption><thead><tr>{head}</tr></thead><tbody>"
        + "".join(_row(item, lang, protocol, released, additions) for item in within)
        + "</tbody></table>"
        for section, within in groupby(items().values(), key=lambda item: item.of_section(lang))
    )
    return (
        f'<div lang="{lang}"><h2>{_WORDS["title"][lang]}</h2>'
        f"<p>{escape(_WORDS['intro'][lang].format(**facts))}</p><p>{escape(counted)}</p>{tables}</div>"
    )


def _row(
    item: Item, lang: Language, protocol: Mapping[str, str], released: Released, additions: Additions
) -> str:
    parts = [escape(protocol[item.number]).replace("\n", "<br>")] if item.number in protocol else []
    if item.number in additions.answers:
        parts.append(escape(getattr(additions.answers[item.number], lang)))
    if item.number in additions.outputs:
        titles = "; ".join(
            getattr(released.card(name).title, lang) for name in additions.outputs[item.number]
        )
        parts.append(f"{_WORDS['see'][lang]}: {escape(titles)}")
    if _is_open(item, protocol, additions):
        parts.append(f'<span class="open">{_WORDS["missing"][lang]}</span>')
    answer = "".join(f"<p>{part}</p>" for part in parts)
    return (
        f'<tr><th scope="row">{item.number}<br><small>{item.statement}</small></th>'
        f"<td>{escape(item.asks(lang))}</td><td>{answer}</td></tr>"
    )
