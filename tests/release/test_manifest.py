"""Manifests: whoever changes one, or an output, is found out."""

import json
import stat
from collections.abc import Callable

import pytest

from sundbench.errors import ReleaseError
from sundbench.governance.signing import Signer
from sundbench.release import manifest as manifests
from sundbench.release import signing
from sundbench.release.run import folder_of
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site


def test_an_edited_manifest(site: Site, kept: Callable[..., str]) -> None:
    folder = folder_of(site, kept())
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"women": 12', '"women": 13'))
    with pytest.raises(ReleaseError, match="changed after it was signed"):
        manifests.read(site, folder)


def test_a_manifest_signed_by_someone_else(site: Site, kept: Callable[..., str]) -> None:
    folder = folder_of(site, kept())
    for name in ("manifest.key", "manifest.pub"):
        (site.root / "keys" / name).unlink()
    signing.sign(site, {})
    with pytest.raises(ReleaseError, match="changed after it was signed"):
        manifests.read(site, folder)


def test_a_manifest_that_an_earlier_key_signed_until_that_one_is_removed(
    site: Site, kept: Callable[..., str]
) -> None:
    folder = folder_of(site, kept())
    signing.renew(site, lambda *_: None)
    content = manifests.read(site, folder)
    later = folder_of(site, kept("tiny-20261123104500-1f2e"))
    signing.renew(site, lambda *_: None)
    assert manifests.read(site, folder) == content
    assert manifests.read(site, later).run == later.name

    signature = json.loads((folder / "manifest.json").read_text())["signature"]
    for public in (site.root / "keys").glob("manifest-*.pub"):
        if Signer(public.parent, public.stem, ReleaseError).signed(
            content.model_dump(mode="json"), signature
        ):
            public.unlink()
    with pytest.raises(ReleaseError, match="or its key isn't kept"):
        manifests.read(site, folder)
    assert manifests.read(site, later).run == later.name


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifest": {}, "signature": "zz"}'])
def test_a_damaged_manifest(site: Site, kept: Callable[..., str], text: str) -> None:
    folder = folder_of(site, kept())
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ReleaseError):
        manifests.read(site, folder)


@pytest.mark.parametrize("how", ["changed", "removed", "added"])
def test_an_output_that_is_not_as_the_run_left_it(site: Site, kept: Callable[..., str], how: str) -> None:
    folder = folder_of(site, kept())
    outbox = folder / "outbox"
    if how == "changed":
        (outbox / "sex.json").write_text("{}")
    elif how == "removed":
        (outbox / "sex.parquet").unlink()
    else:
        (outbox / "more.parquet").write_text("x")
    with pytest.raises(ReleaseError, match=f"was {how} after the run"):
        manifests.check_outputs(manifests.read(site, folder), outbox)


def test_the_key_is_for_its_owner_alone(site: Site) -> None:
    signature = signing.sign(site, {"a": 1})
    key = site.root / "keys" / "manifest.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert signing.sign(site, {"a": 1}) == signature
    signing.verify(site, {"a": 1}, signature, "it")


def test_surroundings_say_what_differs() -> None:
    here = Surroundings.here()
    other = here.model_copy(update={"processor": "another"})
    assert here.differences(here) == []
    assert other.differences(here) == [f"processor: was another, is {here.processor}"]
    assert len(here.lock) == 64
    assert json.loads(here.model_dump_json())["library"]
