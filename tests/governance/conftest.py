"""Sites over both databases that Sundbench runs on: SQLite, and a real PostgreSQL server."""

from itertools import count
from pathlib import Path

import pytest

from sundbench.site import Site
from tests.postgresql import Cluster

_numbers = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A site with an empty database."""
    root = tmp_path / "home"
    if request.param == "sqlite":
        return Site(root, f"sqlite:///{root / 'sundbench.db'}")
    server: Cluster = request.getfixturevalue("postgresql")
    return Site(root, server.create(f"site{next(_numbers)}"))
