"""The folder of sockets and the secrets: this account's alone, or refused."""

import stat
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub import runtime
from sundbench.site import Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("SUNDBENCH_RUNTIME", str(tmp_path / "r"))
    monkeypatch.setattr(runtime, "SOCKET_PATH_BYTES", 300)  # pytest's folders have long names
    return Site(tmp_path / "home", "sqlite://")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_private_and_made_once(site: Site) -> None:
    folder = runtime.prepare(site)
    assert mode(folder) == mode(folder / "s") == 0o700
    assert runtime.prepare(site) == folder == site.runtime


def test_two_installations_have_two_folders(site: Site) -> None:
    assert runtime.prepare(site) != runtime.prepare(Site(site.root.with_name("other"), "sqlite://"))


def test_a_folder_left_open_is_closed(site: Site) -> None:
    runtime.prepare(site).chmod(0o755)
    assert mode(runtime.prepare(site)) == 0o700


def test_a_link_in_its_place_is_refused(site: Site, tmp_path: Path) -> None:
    site.runtime.parent.mkdir()
    site.runtime.symlink_to(tmp_path)
    with pytest.raises(HubError, match="not this account's own"):
        runtime.prepare(site)


def test_a_path_too_long_for_sockets_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SOCKET_PATH_BYTES", 20)
    with pytest.raises(HubError, match="too long"):
        runtime.prepare(site)


def test_a_secret_is_made_once_and_kept_private(site: Site) -> None:
    made = runtime.secret(site, "cookie")
    assert len(made) == 64
    assert runtime.secret(site, "cookie") == made
    assert runtime.secret(site, "proxy") != made
    assert mode(site.hub / "secrets/cookie") == 0o600


def test_a_secret_that_others_can_read_is_refused(site: Site) -> None:
    runtime.secret(site, "cookie")
    (site.hub / "secrets/cookie").chmod(0o644)
    with pytest.raises(HubError, match="others can read"):
        runtime.secret(site, "cookie")
