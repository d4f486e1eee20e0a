"""A site of one's own, with a vault key."""

from pathlib import Path

import pytest

from sundbench.site import Site
from sundbench.store.vault import Vault


@pytest.fixture
def site(tmp_path: Path) -> Site:
    key = tmp_path / "key"
    Vault.create_key(key)
    return Site(root=tmp_path / "home", database_url="sqlite://", vault_key_file=key)
