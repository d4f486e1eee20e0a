"""The identity provider as the hub asks it."""

import asyncio
import time
from pathlib import Path

import pytest

from sundbench.hub.oidc.provider import Addresses, Provider
from sundbench.hub.oidc.settings import OidcSettings
from sundbench.hub.refusal import Refused
from sundbench.site import Site


def test_a_session_goes_on_while_the_operator_changes_the_secret(tmp_path: Path):
    """That it can't be asked is no answer, as when it is away: `refresh_user` lets the session be."""
    provider = Provider(Site(tmp_path, "sqlite://"), OidcSettings())
    there = Addresses("https://a", "https://t", "https://k", None, None, basic=True)
    provider._addresses = (time.monotonic(), there)
    with pytest.raises(Refused) as refused:
        asyncio.run(provider.renew("token"))
    assert refused.value.reason == "provider"
