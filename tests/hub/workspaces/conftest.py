"""Projects whose permits stand in governance, and nothing else of a hub."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.governance.permits import Registered
from sundbench.site import Site

PERMIT = """\
id = "{name}"
title = {{ da = "Lungekræft", en = "Lung cancer" }}
purpose = "A test."
basis = "None: invented"
members = [{{ user = "anna", role = "researcher" }}]
period = {{ since = 2000-01-01, until = 2020-12-31 }}
expires = {expires}
disclosure = "default"

[population]
ever = {{ register = "lmdb", column = "atc", prefixes = ["B01A"] }}

[registers]
lmdb = {{ columns = ["eksd", "atc"] }}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, f"sqlite:///{tmp_path / 'sundbench.db'}")


@pytest.fixture
def permit(site: Site) -> Callable[..., Registered]:
    """Register a permit, or amend it; it expires in so many days."""

    def register(name: str = "lung-cancer", days: int = 100) -> Registered:
        text = PERMIT.format(name=name, expires=permits.today() + timedelta(days=days))
        with database.writing(site) as session:
            return permits.register(session, parse(text, "a test"), text, "karen")[0]

    return register
