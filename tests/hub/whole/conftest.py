"""The whole installation, under the names by which tests that are run against it ask for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sundbench.slurm.small.cluster import running
from tests.hub.browser.conftest import chromium, outside, visit
from tests.hub.browser.visit import AtTheProvider
from tests.hub.installation import Visitor
from tests.hub.oidc.conftest import provider
from tests.hub.oidc.provider import Provider
from tests.hub.whole.installation import Whole, whole_platform
from tests.hub.whole.job import Job
from tests.postgresql import Cluster

__all__ = ["chromium", "outside", "provider", "visit"]


@pytest.fixture(scope="module")
def whole(sandboxes: None, can_run_slurm: None, postgresql: Cluster, provider: Provider) -> Iterator[Whole]:
    """Two nodes of two cores: servers of two projects fit on one."""
    with running(nodes=2, cores=2) as slurm, whole_platform(slurm, postgresql, provider) as made:
        yield made


@pytest.fixture(scope="module", name="town")
def _town(whole: Whole) -> Whole:
    return whole


@pytest.fixture(scope="module", name="city")
def _city(whole: Whole) -> Whole:
    return whole


@pytest.fixture(scope="module", name="platform")
def _platform(whole: Whole) -> Whole:
    return whole


@pytest.fixture(scope="module", name="guarded")
def _guarded(whole: Whole) -> Whole:
    return whole


@pytest.fixture(scope="module", name="both")
def _both(jobs: tuple[Job, Job]) -> tuple[Visitor, Visitor]:
    return jobs[0].visitor, jobs[1].visitor


@pytest.fixture(scope="module", name="stand_in_platform")
def _hub_alone(whole: Whole) -> Whole:
    return whole


@pytest.fixture(scope="module")
def door(provider: Provider) -> AtTheProvider:
    """How people log in at a browser."""
    return AtTheProvider(provider)
