"""A study protocol as a page for notebooks, in both languages."""

from __future__ import annotations

from html import escape
from itertools import count
from typing import TYPE_CHECKING, get_args

from sundbench.cohort.described import STYLE
from sundbench.cohort.language import Language, said
from sundbench.cohort.protocol.parts import Section, sections

if TYPE_CHECKING:
    from sundbench.cohort.study import Study

_STYLE = (
    "<style>.sundbench-protocol ol{margin:.3em 0;padding-left:2em}"
    ".sundbench-protocol li{margin:.15em 0}.sundbench-protocol summary{display:inline-block;"
    "padding:.1em .7em;border:1px solid #d3dae3;border-radius:.3em}"
    ".sundbench-protocol details[open] summary{font-weight:bold}</style>"
)

_shown = count()


def page(study: Study) -> str:
    """The protocol as numbered lists, English in sight and Danish behind a switch, or the reverse.

    No script and no style is needed for that: of several ``details`` of one name a browser opens one alone.
    """
    name = f"sundbench-protocol-{next(_shown)}"
    parts = [
        f'<details name="{name}"{said(language, " open", "")}><summary lang="{language}">'
        f"{said(language, 'English', 'Dansk')}</summary>{_one(study, language)}</details>"
        for language in get_args(Language)
    ]
    return f'{STYLE}{_STYLE}<div class="sundbench-help sundbench-protocol">{"".join(parts)}</div>'


def _one(study: Study, language: Language) -> str:
    items = "".join(_section(one) for one in sections(study, language))
    digest = f"{said(language, 'Digest', 'Fingeraftryk')}: <code>{study.digest}</code>"
    title = said(language, "Study protocol", "Studieprotokol")
    return f'<div lang="{language}"><p><b>{title}</b></p><ol>{items}</ol><p><small>{digest}</small></p></div>'


def _section(section: Section) -> str:
    words = f"{escape(section.said)}." if section.said else ""
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(said_of)}</li>" for name, said_of in section.items)
    return f"<li><b>{escape(section.title)}</b>: {words}{f'<ol>{items}</ol>' if items else ''}</li>"
