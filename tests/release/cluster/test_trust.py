"""What a run's job takes from its letter: its own project's extract and study, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sundbench.errors import ReleaseError
from sundbench.release.cluster.letter import STUDY, Letter, Resources
from sundbench.release.cluster.trust import require_own
from sundbench.release.extracts import find_extract
from sundbench.slurm import runs
from tests.release.projects import Project

RUN = "tiny-20261122104500-1f2e"


@pytest.fixture
def letter(project: Project, monkeypatch: pytest.MonkeyPatch) -> Letter:
    """What is told to the job of the project's own account."""
    monkeypatch.setattr(os, "getuid", lambda: project.account.uid)
    return Letter(
        run=RUN,
        permit=project.permit,
        study="tiny",
        parameters={},
        seed=1,
        extract=find_extract(project.site, project.permit, None),
        resources=Resources(cores=1, memory="1 GiB", minutes=1),
        until=datetime(2090, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def folder(project: Project) -> Path:
    return runs.folder_of(project.site, project.account, RUN)


def test_a_letter_of_the_project_s_own_is_taken(letter, folder):
    require_own(letter, folder)


@pytest.mark.parametrize("elsewhere", ["/", "{home}/extracts", "{home}/extracts/another/2026a", "{own}/.."])
def test_a_letter_that_leads_elsewhere_is_refused(letter, folder, project, elsewhere):
    there = Path(elsewhere.format(home=project.site.root, own=project.extract.parent))
    with pytest.raises(ReleaseError, match="leads out"):
        require_own(letter.model_copy(update={"extract": replace(letter.extract, folder=there)}), folder)


def test_nor_one_of_another_s_or_in_another_place(letter, folder, make_project: Callable[..., Project]):
    for changed in ({"permit": make_project().permit}, {"permit": "nobody-s"}, {"run": f"{RUN[:-1]}0"}):
        with pytest.raises(ReleaseError, match="leads out"):
            require_own(letter.model_copy(update=changed), folder)


def test_nor_a_study_that_is_a_link(letter, folder):
    folder.mkdir(parents=True)
    (folder / STUDY).symlink_to("/etc")
    with pytest.raises(ReleaseError, match="leads out"):
        require_own(letter, folder)
