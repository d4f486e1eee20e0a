"""The report as a reader gets it: one page, two languages, nothing from outside, released outputs only."""

import re
from pathlib import Path

import nbformat
import pytest

from sundbench.errors import ReleaseError
from sundbench.registers.catalogue import Text
from sundbench.release import page
from sundbench.release.released import verified
from sundbench.release.report import publish, read, render
from sundbench.site import Site


def test_the_report_reads_in_both_languages_and_asks_for_nothing(
    site: Site, release: str, repository: Path, opened
) -> None:
    path = publish(site, repository / "reports" / "drug_cost_effectiveness", release)
    assert path == site.reports / "drug_cost_effectiveness" / f"{release}.html"

    page = opened(path)

    danish = page.inner_text("main").replace("\u00a0", " ")
    assert page.title() == "Hvad koster et vundet leveår?"
    assert "Et vundet leveår med pembrolizumab koster omkring 485.000 kr." in danish
    assert "0,47 leveår (0,31 til 0,63)" in danish
    assert "Pembrolizumab (kr.)" in danish
    assert "Hvor kommer tallene fra?" in danish
    assert release in danish
    assert "Where do the numbers" not in danish

    page.click("text=English")
    english = page.inner_text("main").replace("\u00a0", " ")
    assert page.get_attribute("html", "lang") == "en"
    assert page.title() == "What does a life-year gained cost?"
    assert "A life-year gained with pembrolizumab costs about DKK 485,000." in english
    assert "Hvor kommer" not in english

    figures = page.locator("figure svg[role=img]")
    assert figures.count() == 8
    assert all(figures.nth(i).get_attribute("aria-label") for i in range(8))
    assert 'http-equiv="Content-Security-Policy"' in path.read_text(encoding="utf-8")


def test_only_what_is_released_is_shown(site: Site, repository: Path) -> None:
    folder = repository / "reports" / "drug_cost_effectiveness"
    with pytest.raises(ReleaseError, match="not released"):
        publish(site, folder, "r20261122-000000")


def test_a_release_of_another_study_or_without_an_output(site: Site, release: str, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    text = """
        id = "other"
        study = "STUDY"
        needs = ["icer", "genome"]
        title = {da = "x", en = "x"}
        subtitle = {da = "x", en = "x"}
        contact = {name = "x", email = "x@example.org"}
    """
    (folder / "report.toml").write_text(text)
    with pytest.raises(ReleaseError, match=r"report other/report\.toml|study: "):
        publish(site, folder, release)
    (folder / "report.toml").write_text(text.replace("STUDY", "heart"))
    with pytest.raises(ReleaseError, match="shows the study heart"):
        publish(site, folder, release)
    (folder / "report.toml").write_text(text.replace("STUDY", "drug_cost_effectiveness"))
    with pytest.raises(ReleaseError, match="needs the output genome"):
        publish(site, folder, release)


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        '<img src="https://example.org/x.png">',
        '<link rel="stylesheet" href="https://example.org/x.css">',
        "<style>@import 'https://example.org/x.css';</style>",
        '<p style="background: url(https://example.org/x)">x</p>',
        '<p onclick="x()">x</p>',
        '<iframe srcdoc="x"></iframe>',
        "<SCRIPT>1</SCRIPT>",
        "<svg/onload=x()>",
        '<meta content="0; url=https://example.org" http-equiv="refresh">',
        '<svg><image href="https://example.org/x.png"/></svg>',
        '<svg><use href="https://example.org/x.svg#a"/></svg>',
        '<a href="java&#115;cript:x()">x</a>',
        '<video poster="https://example.org/x.png"></video>',
        "<style>p { background: u\\72l(https://example.org/x) }</style>",
    ],
)
def test_a_page_that_would_ask_for_something(site: Site, release: str, repository: Path, html: str) -> None:
    reports = repository / "reports"
    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    about = read(reports / "drug_cost_effectiveness")
    with pytest.raises(ReleaseError, match="which asks for or runs what a report may not"):
        render(notebook, about, verified(site, release), reports)


def test_words_of_a_release_are_words_and_no_markup(
    site: Site, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = verified(site, release)
    rude = '<script>x()</script><b onclick="x()">'
    card = opened.card("attrition").model_copy(
        update={"title": Text(da=rude, en=rude), "note": Text(da=rude, en=rude)}
    )
    monkeypatch.setattr(opened, "card", lambda _: card)
    rows = opened.table("attrition").assign(step=rude)
    html = page.table(opened, "attrition", rows=rows).html
    html += page.table(opened, "attrition", words={rude: {"da": rude, "en": rude}}, rows=rows).html
    html += page.answer({"da": rude, "en": rude}, {"da": rude, "en": rude}).html
    html += page.inline("<svg></svg>", "x", rude)
    assert "<script" not in html
    assert "<b" not in html.replace("<body", "")


def test_code_and_its_printing_stay_out_of_the_page(site: Site, release: str, repository: Path) -> None:
    reports = repository / "reports"
    stream = nbformat.v4.new_output("stream", name="stdout", text="printed")
    plain = nbformat.v4.new_output("display_data", data={"text/plain": "plain"})
    cell = nbformat.v4.new_code_cell("secret = 1", outputs=[stream, plain])
    prose = nbformat.v4.new_markdown_cell("## Heading <b>raw</b>", metadata={"tags": ["en"]})
    notebook = nbformat.v4.new_notebook(cells=[cell, prose])
    page = render(notebook, read(reports / "drug_cost_effectiveness"), verified(site, release), reports)
    assert "secret" not in page
    assert "printed" not in page
    assert "plain</" not in page
    assert re.search(r'<div class="text" lang="en"><h2 id="en-Heading-raw">Heading raw</h2>', page)
