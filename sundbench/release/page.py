"""What a report's notebook shows: texts, tables and figures in Danish and English.

Each function returns a piece of a page with ``_repr_html_``, so that the last line of a cell shows it. Both
languages are in the page; its language switch shows one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from sundbench.disclosure.output import TOTAL, Column
from sundbench.release import wording
from sundbench.release.figures import svg
from sundbench.release.released import Released
from sundbench.release.wording import LANGUAGES, Language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Both = Mapping[Language, str]
"""A text in both languages."""

Words = Mapping[str, Both]
"""How categories are written: ``{"new": {"da": "nyt lægemiddel", "en": "new medicine"}}``."""


@dataclass(frozen=True)
class Piece:
    """A piece of a page."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def each(write: Callable[[Language], str], tag: str = "div", kind: str = "") -> Piece:
    """The same piece written in each language.

    Args:
        write: gives the piece's HTML in a language.
        tag: the element around it.
        kind: its class.
    """
    marked = f' class="{escape(kind)}"' if kind else ""
    return Piece("".join(f'<{tag} lang="{lang}"{marked}>{write(lang)}</{tag}>' for lang in LANGUAGES))


def answer(headline: Both, explained: Both) -> Piece:
    """The report's answer in one sentence, and a few sentences about it; first thing on the page."""
    return each(
        lambda lang: f'<p class="headline">{_tied(headline[lang])}</p><p>{_tied(explained[lang])}</p>',
        "section",
        "answer",
    )


def facts(items: Sequence[tuple[Both, Both, Both]]) -> Piece:
    """A row of key figures.

    Args:
        items: for each: what it is, the figure with its unit, its uncertainty.
    """

    def write(lang: Language) -> str:
        return "".join(
            f'<div class="fact"><dt>{_tied(what[lang])}</dt><dd><strong>{_tied(figure[lang])}</strong>'
            f"<span>{_tied(uncertainty[lang])}</span></dd></div>"
            for what, figure, uncertainty in items
        )

    return each(write, "dl", "facts")


def table(
    released: Released,
    name: str,
    *,
    words: Words | None = None,
    headings: Words | None = None,
    rows: pd.DataFrame | None = None,
    columns: Sequence[str] | None = None,
    across: str | None = None,
) -> Piece:
    """An output as a table: title, units, note and the format of numbers come from its card.

    Args:
        released: the release.
        name: the output.
        words: how categories are written.
        headings: what columns are called, where their card doesn't say.
        rows: the output's rows, selected or sorted; by default all.
        columns: which columns, in order; by default the dimensions, the counts, then the values.
        across: a dimension whose categories become columns; then there is one count or value.
    """
    card = released.card(name)
    frame = released.table(name) if rows is None else rows
    shown = list(
        columns or card.having("dimension") + card.having("persons", "events") + card.having("time", "value")
    )
    described = dict(card.columns)
    if across is not None:
        frame, shown, described = _across(frame[shown], card.columns, across)
    said: Words = {TOTAL: {"da": "I alt", "en": "Total"}, **(words or {})}

    def cell(value: object, column: Column, lang: Language) -> str:
        if column.role == "dimension":
            return f'<th scope="row">{escape(_category(value, said, lang))}</th>'
        return f'<td class="number">{_number(value, column, lang)}</td>'

    def write(lang: Language) -> str:
        head = "".join(
            f'<th scope="col"{_numeric(described[c])}>'
            f"{escape(_heading(c, described[c], {**said, **(headings or {})}, lang))}</th>"
            for c in shown
        )
        body = "".join(
            "<tr>"
            + "".join(cell(value, described[c], lang) for c, value in zip(shown, row, strict=True))
            + "</tr>"
            for row in frame[shown].itertuples(index=False, name=None)
        )
        note = f'<p class="note">{escape(getattr(card.note, lang))}</p>' if card.note else ""
        return (
            f'<div class="wide" tabindex="0" role="region" aria-label="{escape(getattr(card.title, lang))}">'
            f"<table><caption>{escape(getattr(card.title, lang))}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
        )

    return each(write, "div", "table")


def figure(name: str, draw: Callable[[Language], Figure], *, caption: Both, alt: Both) -> Piece:
    """A figure drawn from released tables, once in each language.

    Args:
        name: makes the figure's identifiers unique in the page.
        draw: gives the matplotlib figure in a language.
        caption: stands below it.
        alt: what it shows, for those who can't see it.
    """

    def write(lang: Language) -> str:
        drawing = svg(_written(draw(lang), lang), salt=f"{name}-{lang}").decode()
        return (
            f"{inline(drawing, f'{name}-{lang}', alt[lang])}<figcaption>{_tied(caption[lang])}</figcaption>"
        )

    return each(write, "figure")


def inline(drawing: str, name: str, alt: str) -> str:
    """An SVG as part of a page: its identifiers made unique, its size fluid, its content described."""
    drawing = re.sub(r'\bid="', f'id="{name}-', drawing)
    drawing = re.sub(r'(href="#|url\(#)', rf"\1{name}-", drawing)
    drawing = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", drawing, count=1)
    drawing = re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", drawing, count=1)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def provenance(released: Released) -> Piece:
    """Where the numbers come from, and how they can be had again."""
    about = released.about
    run = about.manifest

    def write(lang: Language) -> str:
        danish = lang == "da"
        library = f"{run.surroundings.library} {run.surroundings.commit or ''}".strip()
        parameters = ", ".join(f"{name} = {value}" for name, value in run.parameters.items())
        items = [
            ("Frigivelse" if danish else "Release", about.release),
            ("Frigivet" if danish else "Released", wording.day(about.released.date(), lang)),
            ("Kørsel" if danish else "Run", run.run),
            ("Manifestets SHA-256" if danish else "SHA-256 of the manifest", about.manifest_digest),
            ("Parametre" if danish else "Parameters", parameters),
            ("Datagrundlag (freeze)" if danish else "National data version (freeze)", run.freeze),
            ("Udtrækkets SHA-256" if danish else "SHA-256 of the extract", run.extract_digest),
            ("Tilladelse" if danish else "Permit", run.permit),
            ("Regler for diskretionering" if danish else "Disclosure profile", run.policy.profile),
            ("Bibliotek" if danish else "Library", f"Sundbench {library}"),
        ]
        listed = "".join(f"<dt>{escape(what)}</dt><dd>{escape(str(is_))}</dd>" for what, is_ in items)
        again = f"sundbench run reproduce {run.run}"
        how = "Gentag beregningen med" if danish else "Repeat the calculation with"
        return f"<dl>{listed}</dl><p>{how} <code>{escape(again)}</code>.</p>"

    return each(write, "div", "provenance")


def _tied(text: str) -> str:
    """A text for the page, its numbers tied to their units: a line never breaks between them."""
    tied = re.sub(r"(?<=\d) (?=(?:kr\.|%|år\b|leveår|years|life-years|DKK))", "\u00a0", text)
    return escape(re.sub(r"(?<=DKK) (?=\d)", "\u00a0", tied))


def _written(drawn: Figure, language: Language) -> Figure:
    """A figure whose axes write numbers as the language does."""
    from matplotlib.ticker import ScalarFormatter

    class Written(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return text.replace(".", ",") if language == "da" else text

    for plot in drawn.axes:
        for axis in (plot.xaxis, plot.yaxis):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(Written(useOffset=False))
    return drawn


def _category(value: object, words: Words, lang: Language) -> str:
    if value is None or value != value:  # noqa: PLR0124 - not a number is the one value that differs from itself
        return "mangler" if lang == "da" else "missing"
    text = str(value)
    return words[text][lang] if text in words else text


def _number(value: object, column: Column, lang: Language) -> str:
    if value is None or isinstance(value, str) or value != value:  # noqa: PLR0124
        hidden = "skjult eller findes ikke" if lang == "da" else "hidden or none"
        return f'<span title="{hidden}">–</span>'
    measure = "persons" if column.role == "persons" else column.unit
    return escape(wording.measured(float(str(value)), measure, lang))


def _across(
    frame: pd.DataFrame, columns: Mapping[str, Column], across: str
) -> tuple[pd.DataFrame, list[str], dict[str, Column]]:
    """The table with one dimension's categories as columns, in the order in which they appear."""
    value = next(name for name in frame.columns if columns[name].role != "dimension")
    kept = [name for name in frame.columns if name not in {across, value}]
    wide = frame.pivot(index=kept, columns=across, values=value)
    wide = wide.reindex(frame.set_index(kept).index.unique())[frame[across].unique()].reset_index()
    wide.columns = [str(name) for name in wide.columns]
    # A category's column is measured as the value is, and called what the category is called.
    measured = columns[value].model_copy(update={"label": None})
    return (
        wide,
        list(wide.columns),
        {name: columns[name] if name in kept else measured for name in wide.columns},
    )


def _heading(name: str, column: Column, headings: Words, lang: Language) -> str:
    label = getattr(column.label, lang) if column.label else name.replace("_", " ").capitalize()
    if name in headings and not column.label:
        label = headings[name][lang]
    measure = wording.unit(column.unit, lang)
    return f"{label} ({measure})" if measure and column.role != "dimension" else label


def _numeric(column: Column) -> str:
    return "" if column.role == "dimension" else ' class="number"'
