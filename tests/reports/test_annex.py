"""The annex: what the protocol answers, which outputs show, what the author says, and what is still open."""

import pandas as pd
import pytest
from pydantic import ValidationError

from sundbench.cohort.record_pe import items
from sundbench.disclosure.output import Output
from sundbench.registers.catalogue import Text
from sundbench.release import annex
from sundbench.release.released import verified

FILLED = pd.DataFrame({"item": ["1a"], "da": ["Kohorte <b>"], "en": ["Cohort <b>"]})


@pytest.fixture
def released(site, release, monkeypatch):
    """A release that holds a checklist with one answer."""
    opened = verified(site, release)
    names, card, table = opened.names, opened.card, opened.table
    one = Output(
        name="record_pe",
        kind="checklist",
        title=Text(da="x", en="x"),
        file="record_pe.parquet",
        digest="0",
    )
    monkeypatch.setattr(type(opened), "names", property(lambda _: [*names, "record_pe"]))
    monkeypatch.setattr(opened, "card", lambda name: one if name == "record_pe" else card(name))
    monkeypatch.setattr(opened, "table", lambda name: FILLED if name == "record_pe" else table(name))
    return opened


def test_a_release_without_a_checklist_has_no_annex(site, release):
    assert annex.page(verified(site, release), annex.Additions()) == ""


def test_every_item_stands_in_both_languages_and_what_is_open_is_marked(released):
    additions = annex.Additions(
        outputs={"13a": ("attrition",)}, answers={"22": Text(da="Ingen.", en="None.")}
    )
    html = annex.page(released, additions)
    assert html.count('<tr><th scope="row">') == 2 * len(items())
    assert "Cohort &lt;b&gt;" in html
    assert "Se: Fra lungekræft til studiepopulation<" in html
    assert "See: From lung cancer to study population<" in html
    assert "<p>Ingen.</p>" in html
    assert "with the parameters horizon_years = 5" in html
    still = len(annex.unanswered({"1a": "x"}, additions))
    assert f"{still} of {len(items())} items still need the authors" in html
    assert html.count('class="open"') == 2 * still


@pytest.mark.parametrize(
    ("number", "additions", "still_open"),
    [
        ("1a", {}, False),  # the protocol says it
        ("4", {}, True),  # the protocol could, and doesn't
        ("22", {}, True),  # the author's alone
        ("22", {"answers": {"22": {"da": "x", "en": "x"}}}, False),
        ("13a", {}, True),
        ("13a", {"outputs": {"13a": ["attrition"]}}, False),
        ("12e", {"outputs": {"12e": ["sensitivity"]}}, True),  # outputs show them, the author says which
    ],
)
def test_what_an_item_needs(number, additions, still_open):
    found = annex.unanswered({"1a": "Cohort."}, annex.Additions.model_validate(additions))
    assert (number in found) is still_open


def test_items_that_are_not_there_are_refused():
    with pytest.raises(ValidationError, match="RECORD-PE has no item 23"):
        annex.Additions(answers={"23": Text(da="x", en="x")})


def test_an_item_whose_output_was_not_released_is_open(released):
    there = annex.page(released, annex.Additions(outputs={"13a": ("attrition", "genome")}))
    assert "See: From lung cancer to study population<" in there
    gone = annex.page(released, annex.Additions(outputs={"13a": ("genome",)}))
    assert gone.count('class="open"') == there.count('class="open"') + 2
