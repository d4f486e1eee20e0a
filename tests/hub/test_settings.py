"""The operator's settings: documented whole, checked, and told in one line where wrong."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from sundbench.errors import HubError
from sundbench.hub import settings
from sundbench.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "hub").mkdir()
    return Site(tmp_path, "sqlite://")


def written(site: Site, text: str) -> settings.Settings:
    settings.path(site).write_text(text, encoding="utf-8")
    return settings.read(site)


def test_the_documented_file_holds_the_defaults(repository: Path) -> None:
    assert settings.parse(repository / "hub_config/settings.toml") == settings.Settings()


def test_the_documented_file_names_every_setting(repository: Path) -> None:
    text = (repository / "hub_config/settings.toml").read_text(encoding="utf-8")
    sections = list(settings.Settings.model_fields.items())
    for section, field in sections:
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        block = re.search(rf"^\[{section}\](.*?)(?=^\[|\Z)", text, re.M | re.S)
        assert block, section
        for name, inner in field.annotation.model_fields.items():
            if f"[{section}.{name}]" in text:
                sections.append((f"{section}.{name}", inner))
            else:
                assert re.search(rf"^(# )?{name} = ", block[1], re.M), f"{section}.{name}"


def test_a_site_without_a_file_has_the_defaults(site: Site) -> None:
    assert settings.read(site) == settings.Settings()


def test_sizes_are_read_as_bytes(site: Site) -> None:
    assert written(site, '[kernel]\nmemory = "1.5 GiB"').kernel.memory == 1.5 * 2**30


def test_paths_are_relative_to_the_file(site: Site) -> None:
    assert written(site, '[workspace]\nbackup = "../copy"').workspace.backup == site.hub / "../copy"


def test_the_address_that_browsers_use(site: Site) -> None:
    assert settings.Settings().hub.url == "http://127.0.0.1:8000/"
    assert written(site, '[hub]\npublic_url = "https://bench.dk/"').hub.url == "https://bench.dk/"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[kernel]\nmemmory = 1", "kernel.memmory"),
        ('[kernel]\nmemory = "4 GB"', "write a size"),
        ('[kernel]\nmemory = "1 MiB"', "kernel.memory"),
        ("[server]\nupload_size = 0", "server.upload_size"),
        ('[hub]\naddress = "::1"', "IPv6 is not supported"),
        ("[workspace]\nkeep_days = 7", "keep_days"),
        ("[hub]\nport = 8081", "must differ"),
        ("[dashboards]\nport = 8000", "must differ"),
        ("[hub\n", "not valid TOML"),
        ('[site]\nprofile = "cloud"', "profile"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(site: Site, text: str, said: str) -> None:
    with pytest.raises(HubError, match=said) as error:
        written(site, text)
    assert "\n" not in str(error.value)
    assert "settings.toml" in str(error.value)
