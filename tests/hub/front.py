"""TLS towards browsers, and a host for each person: names and certificates that only tests have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from certipy import Certipy

from sundbench.hub.settings import read
from tests.hub.installation import Platform

HOST = "bench.test"


@contextmanager
def named_here() -> Iterator[None]:
    """The names of the site lead to this machine, for this process."""
    asked = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **named: Any) -> Any:
        return asked("127.0.0.1" if str(host).endswith(HOST) else host, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@contextmanager
def encrypted(made: Platform) -> Iterator[None]:
    """Give a platform that is not started TLS and subdomains; this process trusts its certificate."""
    settings = made.site.hub / "settings.toml"
    certipy = Certipy(store_dir=str(made.site.root / "public"))
    certipy.create_ca("public-ca")
    alt_names = [f"DNS:{HOST}", f"DNS:*.{HOST}"]
    files = certipy.create_signed_pair("front", "public-ca", alt_names=alt_names)["files"]
    section = f'[tls]\ncertificate = "{files["cert"]}"\nkey = "{files["key"]}"\nsubdomains = true\n'
    named = f'[hub]\npublic_url = "https://{HOST}:{urlsplit(made.url).port}/"'
    settings.write_text(settings.read_text().replace("[hub]", named) + section)
    made.url = read(made.site).hub.url
    with named_here(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", certipy.store.get_record("public-ca")["files"]["cert"])
        yield
