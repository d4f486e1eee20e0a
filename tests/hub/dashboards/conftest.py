"""A hub with its dashboards at work, over one invented release of the study that the report shows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from sundbench.release.outputs import Outputs
from sundbench.release.released import About, store
from sundbench.site import Site
from tests.hub.installation import REPOSITORY, Platform, at_work, make_platform

REPORT = "drug_cost_effectiveness"
RELEASE = "r20261122-abcdef"

PRYING = """\
import html, os, socket
from pathlib import Path
from IPython.display import HTML

said = [f"environment {name}" for name in sorted(os.environ)]
for file in Path("/proc").glob("*/environ"):
    try:
        said += [f"around {line}" for line in file.read_text().split("\\0")]
    except PermissionError:
        pass
said += [f"seen {path}" for path in sorted(Path("/").iterdir())]
said += [f"data {path.name}" for path in sorted(Path("/data").iterdir())]
said += [f"process {path.name}" for path in Path("/proc").iterdir() if path.name.isdigit()]
for target in (("127.0.0.1", PORT), ("192.0.2.1", 443)):
    try:
        socket.create_connection(target, timeout=2)
        said.append("reached")
    except OSError as error:
        said.append(f"socket {type(error).__name__}")
for path in ("/data/new", "/report", "HOME"):
    try:
        Path(path).write_text("x") if path == "/data/new" else list(Path(path).iterdir())
        said.append(f"opened {path}")
    except OSError as error:
        said.append(f"refused {path}")
HTML("".join(f"<p>{html.escape(line)}</p>" for line in said))
"""
"""A report's code that looks around in its sandbox."""

REPORTS = {
    "prying_report": PRYING,
    "broken_report": "raise ValueError('secret detail of a failure')",
    "asking_report": "from IPython.display import HTML\nHTML('<img src=\"https://elsewhere.example/x.png\">')",
    "dying_report": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
}
"""Reports that do what they should not, by name: the code of their one cell."""

SLOW = ("slow_report", "slower_report")


def put_report(reports: Path, name: str, code: str, study: str = REPORT) -> None:
    """Write a report of one cell, whose metadata would like another template and kernel."""
    folder = reports / name
    folder.mkdir()
    (folder / "report.toml").write_text(
        f"""
id = "{name}"
study = "{study}"
needs = ["icer"]
title = {{ da = "Titel {name}", en = "Title {name}" }}
subtitle = {{ da = "Under {name}", en = "Below {name}" }}
contact = {{ name = "Sundbench", email = "kontakt@sundbench.example" }}
""",
        encoding="utf-8",
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code)],
        metadata={
            "voila": {"template": "lab", "theme": "dark"},
            "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere"},
        },
    )
    (folder / "dashboard.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")


def put_release(
    site: Site, name: str = RELEASE, study: str = REPORT, *, day: int = 23, some: bool = False
) -> Path:
    """Release the report's invented numbers, or only some of them."""
    from tests.reports.conftest import emit, manifest_of

    with tempfile.TemporaryDirectory() as folder:
        outbox = Path(folder)
        emit(Outputs(outbox))
        if some:
            for file in outbox.glob("icer.*"):
                file.unlink()
        manifest = manifest_of(study)
        about = About(
            release=name,
            manifest=manifest,
            manifest_digest="3" * 64,
            author="anna",
            reviewers=("bo", "kim"),
            released=datetime(2026, 11, day, 9, 0, tzinfo=UTC),
            outputs={},
        )
        return store(site, outbox, about)


@pytest.fixture(scope="session")
def dashboards() -> Iterator[Platform]:
    """A hub with the service; two may be opened at once, and no drawing may take longer than a minute."""
    root = Path(tempfile.mkdtemp(prefix="sb-dash-"))
    made = make_platform(root / "home", [])
    settings = made.site.hub / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("enabled = false", "enabled = true\nkernels = 2\nopen_seconds = 60")
    settings.write_text(text, encoding="utf-8")
    reports = root / "reports"
    shutil.copytree(REPOSITORY / "reports", reports)
    port = made.url.rstrip("/").rpartition(":")[2]
    for name, code in REPORTS.items():
        put_report(reports, name, code.replace("PORT", port).replace("HOME", str(made.site.root)))
    for name in SLOW:
        put_report(reports, name, "import time\ntime.sleep(50)")
    put_report(reports, "unreleased_report", "1", study="another_study")
    put_release(made.site)
    made.environment |= {"SUNDBENCH_REPORTS": str(reports)}
    try:
        with at_work(made):
            yield made
    finally:
        shutil.rmtree(root, ignore_errors=True)
