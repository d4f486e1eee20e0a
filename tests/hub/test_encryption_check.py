"""What is said of the certificate before the hub starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from certipy import Certipy

from sundbench.hub.checks.encryption import certificate
from sundbench.hub.settings import Settings
from sundbench.site import Site


def found(tmp_path: Path, *, names: list[str], days: int = 300, subdomains: bool = False) -> list[str]:
    certipy = Certipy(store_dir=str(tmp_path))
    certipy.create_ca("public-ca")
    alt_names = [f"DNS:{name}" for name in names]
    files = certipy.create_signed_pair("front", "public-ca", alt_names=alt_names, years=days / 365)["files"]
    Path(files["key"]).chmod(0o600)
    return said(files, subdomains)


def said(files: dict[str, str], subdomains: bool = False) -> list[str]:
    tls = {"certificate": files["cert"], "key": files["key"], "subdomains": subdomains}
    settings = Settings.model_validate({"hub": {"public_url": "https://bench.dk/"}, "tls": tls})
    return [str(one) for one in certificate(Site(Path("/nowhere"), "sqlite://"), settings)]


def test_one_in_order(tmp_path: Path) -> None:
    assert found(tmp_path, names=["bench.dk", "*.bench.dk"], subdomains=True) == []


def test_one_for_other_names(tmp_path: Path) -> None:
    (line,) = found(tmp_path, names=["bench.dk"], subdomains=True)
    assert r"is not for *.bench.dk" in line


def test_one_that_runs_out(tmp_path: Path) -> None:
    (line,) = found(tmp_path, names=["bench.dk"], days=9)
    assert "expires in" in line


def test_a_key_that_others_can_read_and_a_file_that_is_none(tmp_path: Path) -> None:
    found(tmp_path, names=["bench.dk"])
    files = {"cert": str(tmp_path / "front" / "front.crt"), "key": str(tmp_path / "front" / "front.key")}
    os.chmod(files["key"], 0o644)  # noqa: PTH101
    (line,) = said(files)
    assert "others can read" in line
    (line,) = said({**files, "cert": str(tmp_path / "none.pem")})
    assert "can't be used" in line


@pytest.mark.parametrize("tls", [{"certificate": "a"}, {"key": "a"}, {"subdomains": True}])
def test_half_a_section_is_refused(tls: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="tls"):
        Settings.model_validate({"tls": tls})
