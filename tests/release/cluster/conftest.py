"""Installations on a small Slurm: a permit with an account of its own, an extract, and studies to run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sundbench.governance import database, people, permits
from sundbench.governance.permit import parse
from sundbench.release.study import StudyFolder
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from tests.release.projects import Project, permit_text, write_study

if TYPE_CHECKING:
    from sundbench.slurm.small.cluster import SmallSlurm


@pytest.fixture
def at_slurm(slurm: SmallSlurm, sandboxes: None, monkeypatch: pytest.MonkeyPatch) -> SmallSlurm:
    """Slurm's programs speak to the small cluster."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    return slurm


@pytest.fixture(scope="session")
def make_project(sandboxes: None) -> Iterator[Callable[..., Project]]:
    """Makes projects, each with an installation of its own that other accounts can enter."""
    made: list[Project] = []

    def make(
        expires: str = "2090-01-01",
        fill: Callable[[Path], None] = lambda extract: None,
        handed_over: bool = True,
    ) -> Project:
        home = Path(tempfile.mkdtemp(prefix="sb-run-"))
        site = Site(root=home, database_url=f"sqlite:///{home / 'sundbench.db'}")
        permit = f"cluster-{os.getpid()}-{len(made)}"
        text = permit_text(permit, expires)
        with database.writing(site) as session:
            registered, _ = permits.register(session, parse(text, "permit"), text, "steward")
            people.add(session, "anna", "Anna")
        extract = site.extracts / permit / "2026a"
        extract.mkdir(parents=True)
        fill(extract)
        path = extract / "extract.json"
        about = json.loads(path.read_text()) if path.exists() else {"digest": "d" * 64}
        about |= {"freeze": "2026a", "permit_digest": registered.digest}
        path.write_text(json.dumps(about))
        account = accounts.create(permit)
        accounts.note(site, account)
        if handed_over:
            folders.hand_over(site, account)
        made.append(Project(site, permit, account, extract))
        return made[-1]

    yield make
    for project in made:
        # A job of its may take a moment to end.
        subprocess.run(["userdel", "--force", project.account.name], check=True, capture_output=True)
        shutil.rmtree(project.site.root)


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    return make_project()


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., StudyFolder]:
    """Makes a study of these cells, after one of its parameters."""

    def make(*cells: str) -> StudyFolder:
        return write_study(tmp_path / "analyses", *cells)

    return make
