"""Fixtures that the whole suite shares."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sundbench.sandbox.probe import probe

if TYPE_CHECKING:
    from xdist.remote import Producer

    from sundbench.slurm.small.cluster import SmallSlurm
    from tests.postgresql import Cluster
    from tests.scheduling import Scheduling

REPOSITORY = Path(__file__).resolve().parent.parent

# Everywhere as in CI: the same examples each time, and no deadline that a loaded machine misses.
settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """How files are handed out to several workers."""
    from tests.scheduling import Scheduling

    return Scheduling(config, log)


def _outside(variable: str, default: Path) -> Path:
    """A folder that stands outside the repository: must be there in CI, may be missing elsewhere."""
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        message = f"{folder} is not there: set {variable} to the folder that holds it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def sandboxes() -> None:
    """Sandboxes must work in CI, and may be impossible elsewhere."""
    seen = probe()
    if not seen.works:
        message = f"no sandboxes here: {seen.why}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="sbt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def can_run_slurm() -> None:
    """A small Slurm must run in CI, and may be impossible elsewhere."""
    from sundbench.slurm.small.cluster import missing

    lacking = missing()
    if lacking:
        message = f"no Slurm here: {lacking}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def slurm(can_run_slurm: None) -> Iterator[SmallSlurm]:
    """Two nodes of one core each."""
    from sundbench.slurm.small.cluster import running

    with running(nodes=2) as small:
        yield small


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A real PostgreSQL server: must run in CI, and may be missing elsewhere."""
    from tests.postgresql import programs, running

    if (found := programs()) is None:
        message = "no PostgreSQL server is installed (make system)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with running(found) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared() -> Path:
    """Deliveries made by others."""
    return _outside("SUNDBENCH_SHARED", REPOSITORY.parent / "shared")


@pytest.fixture(scope="session")
def oracles() -> Path:
    """Data sets with numbers computed by other people's software."""
    default = Path(os.environ.get("SUNDBENCH_SHARED", REPOSITORY.parent / "shared")) / "oracles"
    return _outside("SUNDBENCH_ORACLES", default)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return REPOSITORY
