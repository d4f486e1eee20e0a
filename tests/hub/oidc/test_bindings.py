"""A name belongs to one account, and an account to one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.oidc import bindings
from sundbench.hub.refusal import Refused
from sundbench.site import Site

ISSUER = "https://login.dk"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "sqlite://")


def comes(site: Site, user: str, subject: str, *, issuer: str = ISSUER, bind_first: bool = True) -> None:
    bindings.require(site, user, issuer, subject, bind_first=bind_first)


def test_the_first_account_with_a_name_keeps_it(site: Site) -> None:
    comes(site, "rikke", "s-1")
    comes(site, "rikke", "s-1")
    with pytest.raises(Refused):  # an account that was given, or took, the name later
        comes(site, "rikke", "s-2")
    with pytest.raises(Refused):  # an account that was renamed to somebody who never logged in
        comes(site, "anders", "s-1")
    with pytest.raises(Refused):  # the same number at another provider is somebody else
        comes(site, "rikke", "s-1", issuer="https://other.dk")
    comes(site, "anders", "s-2")


def test_where_a_steward_binds_first_nobody_else_does(site: Site) -> None:
    with pytest.raises(Refused):
        comes(site, "rikke", "s-1", bind_first=False)
    bindings.bind(site, "rikke", ISSUER, "s-1")
    comes(site, "rikke", "s-1", bind_first=False)


def test_a_new_account_of_the_same_person(site: Site) -> None:
    comes(site, "rikke", "s-1")
    bindings.bind(site, "rikke", ISSUER, "s-9")
    comes(site, "rikke", "s-9")
    with pytest.raises(Refused):
        comes(site, "rikke", "s-1")
    with pytest.raises(HubError, match="goes by the name rikke"):
        bindings.bind(site, "anders", ISSUER, "s-9")
    bindings.release(site, "rikke")
    assert bindings.account(site, "rikke") is None
    comes(site, "anders", "s-9")


def test_a_damaged_file_lets_nobody_in(site: Site) -> None:
    comes(site, "rikke", "s-1")
    assert bindings.path(site).stat().st_mode & 0o777 == 0o600
    bindings.path(site).write_text("{")
    with pytest.raises(HubError, match=r"identities\.json: can't be read"):
        comes(site, "rikke", "s-1")
