"""Reports: released outputs, rendered to one page that asks for nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters.markdown import markdown2html
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sundbench import aside
from sundbench.errors import ReleaseError, one_line
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import Text
from sundbench.release import annex
from sundbench.release.disk import room_for
from sundbench.release.kernel import execute
from sundbench.release.released import RELEASE, Released, verified
from sundbench.release.selfcontained import asking
from sundbench.release.study import Identifier
from sundbench.release.wording import LANGUAGES, day
from sundbench.site import Site

NOTEBOOK = "dashboard.ipynb"
THEME = "theme"
"""The folder beside the reports that holds their looks."""


class Contact(BaseModel):
    """Who answers questions about a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    email: str = Field(pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$")


class ReportFile(BaseModel):
    """``report.toml``.

    Attributes:
        id: the same as its folder's name.
        title, subtitle: in Danish and English.
        study: the study whose releases it shows.
        needs: the outputs that it reads.
        contact: who answers questions.
        record_pe: what the annex on reporting holds besides what the study's protocol says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    title: Text
    subtitle: Text
    study: Identifier
    needs: tuple[str, ...] = Field(min_length=1)
    contact: Contact
    record_pe: annex.Additions = annex.Additions()


def read(folder: Path) -> ReportFile:
    """Read a report's ``report.toml``.

    Raises:
        ReleaseError: missing or wrong.
    """
    where = f"{folder.name}/report.toml"
    try:
        about = ReportFile.model_validate(tomllib.loads((folder / "report.toml").read_text(encoding="utf-8")))
    except FileNotFoundError:
        names = ", ".join(available(folder.parent)) or "none yet"
        raise ReleaseError(f"no report called {folder.name} in {folder.parent}; there are: {names}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{where}: {error}") from error
    except ValidationError as error:
        raise ReleaseError(one_line(error, where)) from error
    if about.id != folder.name:
        raise ReleaseError(f"{where}: id is {about.id}, its folder is {folder.name}: make them the same")
    return about


def available(reports: Path) -> list[str]:
    """The names of the reports in a folder, sorted."""
    return sorted(path.parent.name for path in reports.glob("*/report.toml"))


def publish(site: Site, folder: Path, release: str, report: Report = silent) -> Path:
    """Render a report from a release.

    The notebook is executed in a kernel that is given the released folder and nothing else.

    Args:
        site: the installation.
        folder: the report, with report.toml and dashboard.ipynb.
        release: a released release of the report's study.
        report: told of each cell.

    Returns:
        The page: ``reports/<report>/<release>.html``.

    Raises:
        ReleaseError: not released, changed, of another study, lacks an output that the report needs; a cell
            failed; or the page would ask for something from outside.
    """
    about = read(folder)
    opened = verified(site, release)
    if opened.about.manifest.study != about.study:
        raise ReleaseError(
            f"report {about.id} shows the study {about.study}, and release {release} is of "
            f"{opened.about.manifest.study}"
        )
    missing = [name for name in about.needs if name not in opened.names]
    if missing:
        raise ReleaseError(
            f"report {about.id} needs the output {missing[0]}, which release {release} does not have"
        )
    with tempfile.TemporaryDirectory() as scratch:
        executed = Path(scratch) / NOTEBOOK
        try:
            execute(folder / NOTEBOOK, executed, given={RELEASE: str(opened.folder)}, report=report)
        except ReleaseError as error:
            raise ReleaseError(f"report {about.id} failed in {error}") from error
        notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    page = render(notebook, about, opened, folder.parent)
    target = site.reports / about.id / f"{release}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    with room_for(f"report {about.id}"):
        aside.write(target, page, mode=0o666)
    return target


def render(notebook: nbformat.NotebookNode, about: ReportFile, released: Released, reports: Path) -> str:
    """The page of an executed notebook.

    Markdown cells tagged ``da`` or ``en`` are in that language; of code cells only what they show is taken.

    Raises:
        ReleaseError: the page would ask for something from outside.
    """
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        extra_template_basedirs=[str(reports)], template_name=THEME, template_file="index.html.j2"
    )
    for name, function in filters().items():
        exporter.register_filter(name, function)  # type: ignore[no-untyped-call]
    given = resources(about, released, reports)
    page, _ = exporter.from_notebook_node(notebook, resources=given)
    text = str(page)
    what = asking(text, str(given["script"]))
    if what is not None:
        raise ReleaseError(
            f"report {about.id}: its page holds {what}, which asks for or runs what a report may not"
        )
    return text


def resources(about: ReportFile, released: Released, reports: Path) -> dict[str, object]:
    """What the theme's page is told besides the notebook: titles, dates, style, and its one script."""
    return {
        "report": about,
        "release": released.about,
        "dates": {lang: day(released.about.released.date(), lang) for lang in LANGUAGES},
        "annex": annex.page(released, about.record_pe),
        "style": (reports / THEME / "style.css").read_text(encoding="utf-8"),
        "script": _script(reports),
        "script_digest": script_digest(reports),
    }


def script_digest(reports: Path) -> str:
    """The digest by which a content policy lets the theme's one script run."""
    return base64.b64encode(hashlib.sha256(_script(reports).encode()).digest()).decode()


def _script(reports: Path) -> str:
    return (reports / THEME / "switch.js").read_text(encoding="utf-8").strip()


def filters() -> dict[str, Callable[..., str]]:
    """The filters that the theme's page is written with."""
    return {"in_language": _in_language, "shown": _shown}


def _in_language(markdown: str, language: str) -> str:
    """A markdown cell as HTML, its headings' identifiers apart from those of the other language."""
    html = markdown2html(re.sub(r"<[^>]*>", "", markdown))
    html = re.sub(r'<a class="anchor-link".*?</a>', "", html)
    return re.sub(r'\bid="', f'id="{language}-', html)


def _shown(cell: nbformat.NotebookNode) -> str:
    """What a code cell shows: HTML only, in order."""
    return "\n".join(
        str(output.data["text/html"])
        for output in cell.get("outputs", [])
        if output.output_type in {"display_data", "execute_result"} and "text/html" in output.data
    )
