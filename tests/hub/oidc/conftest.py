"""A hub in front of which a provider stands; one for all tests, whose people each come once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.installation import (
    STAND_IN_ARGUMENTS,
    Platform,
    Visitor,
    amend,
    at_work,
    make_platform,
)
from tests.hub.oidc.provider import CLIENT, SECRET, Provider

SECTION = """
[oidc]
issuer = "{issuer}"
client_id = "{client}"
name = {{ da = "regionens login", en = "the region's log-in" }}
required_group = "sundbench"
acr = ["urn:two"]
recheck_minutes = 0.01
"""


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """It answers while the tests run, but for those that stop it."""
    made = Provider()
    made.start()
    yield made
    made.stop()


def made_with(section: str, *arguments: str) -> Platform:
    """A hub that is not started, with the provider in its settings and the client's secret."""
    root = Path(tempfile.mkdtemp(prefix="sb-oidc-"))
    made = make_platform(root, [*STAND_IN_ARGUMENTS, "--Authenticator.auth_refresh_age=1", *arguments])
    lead_to_a_provider(made, section)
    return made


def lead_to_a_provider(made: Platform, section: str) -> None:
    """Put a provider into a platform's settings, and the client's secret beside them."""
    settings = made.site.hub / "settings.toml"
    settings.write_text(settings.read_text() + section)
    secrets = made.site.hub / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "oidc-client").write_text(SECRET)
    (secrets / "oidc-client").chmod(0o600)


@pytest.fixture(scope="session")
def guarded(provider: Provider) -> Iterator[Platform]:
    """The hub."""
    made = made_with(SECTION.format(issuer=provider.issuer, client=CLIENT))
    with at_work(made):
        yield made


def member(platform: Platform, name: str) -> Visitor:
    """Somebody whom governance knows, in a browser that has not logged in."""
    amend(platform.site, f"of-{name}", (f"{name}:researcher",))
    return Visitor(platform.url, user=name)
