"""Where the hub's database is, and what must not stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub import database, settings
from sundbench.site import Site


def read(tmp_path: Path, url: str) -> settings.Settings:
    file = tmp_path / "settings.toml"
    file.write_text(f'[database]\nhub = "{url}"\n')
    return settings.parse(file)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sundbench:hunter2@db/hub",
        "postgresql://sundbench:@db/hub",
        "postgresql://sundbench@db/hub?password=hunter2",
        "mysql://sundbench@db/hub",
        "db.example.dk",
    ],
)
def test_what_is_no_place_or_holds_a_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(HubError, match=r"database\.hub") as error:
        read(tmp_path, url)
    assert "hunter2" not in str(error.value)


def test_the_hub_does_not_wait_long_for_a_host_that_is_gone(tmp_path: Path) -> None:
    chosen = read(tmp_path, "postgresql://sundbench@db/hub?passfile=/etc/pgpass&connect_timeout=9").database
    url = database.url(Site(tmp_path, "sqlite://"), chosen)
    assert url.startswith("postgresql+psycopg://sundbench@db/hub?")
    assert "passfile=%2Fetc%2Fpgpass" in url
    arguments = database.arguments(chosen)["connect_args"]
    assert "connect_timeout" not in arguments, "the URL's own word"
    assert arguments["tcp_user_timeout"] == 15_000


def test_without_a_url_it_is_sqlite(tmp_path: Path) -> None:
    chosen = settings.Settings().database
    assert database.url(Site(tmp_path, "sqlite://"), chosen).startswith("sqlite:///")
    assert database.arguments(chosen) == {}
