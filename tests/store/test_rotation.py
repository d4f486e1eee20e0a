"""A new key for the vault: everything is sealed with it or nothing is, and nothing else changes."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sundbench.errors import StoreError
from sundbench.site import Site
from sundbench.store.quarantine import export_quarantine, quarantine_file, seal_quarantine
from sundbench.store.rotation import has_one_key, rotate
from sundbench.store.sealed import Key
from sundbench.store.vault import Vault

PEOPLE = pl.Series(["anna", "bo", "carl"])


def unrecorded(_old: bytes, _new: bytes) -> None:
    pass


@pytest.fixture
def used(site: Site) -> Site:
    """A vault with persons, two permits, an opt-out and quarantined rows."""
    with Vault.open(site) as vault:
        vault.add(PEOPLE)
        for permit in ("one", "two"):
            vault.pseudonyms(permit, np.arange(3))
        vault.opt_out(pl.Series(["bo"]))
        vault.save()
        rows = site.root / "rows.parquet"
        pl.DataFrame({"values": ["0101801234"]}).write_parquet(rows)
        seal_quarantine(site, "f1", vault.key, [rows], site.root)
    return site


@pytest.fixture
def renewed(used: Site) -> Site:
    """The same installation, told of a new key, which its vault hasn't got yet."""
    Vault.create_key(used.root / "new-key")
    return dataclasses.replace(used, vault_key_file=used.root / "new-key")


def held(site: Site) -> tuple[object, ...]:
    """All that a vault tells: who is who, what it is called, and what was quarantined."""
    rows = site.root / "exported.parquet"
    export_quarantine(site, "f1", rows)
    quarantined = pl.read_parquet(rows)["values"].to_list()
    rows.unlink()
    with Vault.open(site) as vault:
        assert vault.permits == ("one", "two")
        drawn = [vault.pseudonyms(permit, np.arange(3)).tolist() for permit in vault.permits]
        keys = [vault.permit_key(permit) for permit in vault.permits]
        index = vault.index_of(PEOPLE).to_list()
        return vault.fingerprint, drawn, keys, index, vault.opted_out().tolist(), quarantined


def opens(site: Site, expected: tuple[object, ...]) -> bool:
    with suppress(StoreError):
        return held(site) == expected
    return False


def new_key(site: Site) -> Path:
    assert site.vault_key_file is not None
    return site.vault_key_file


def test_the_new_key_opens_all_that_the_old_one_did_and_the_old_one_nothing(
    used: Site, renewed: Site, tmp_path: Path
) -> None:
    before = held(used)
    told: list[tuple[bytes, bytes]] = []
    steps: list[tuple[int, int]] = []

    assert rotate(
        used,
        new_key(renewed),
        lambda old, new: told.append((old, new)),
        lambda _, done, total: steps.append((done, total)),
    )

    assert held(renewed) == before
    with pytest.raises(StoreError, match="sealed with another key"):
        Vault.open(used)
    with pytest.raises(StoreError, match="sealed with another key"):
        export_quarantine(used, "f1", tmp_path / "rows.parquet")
    assert told == [(Key.read(used.vault_key_file).fingerprint, Key.read(renewed.vault_key_file).fingerprint)]
    assert steps[-1] == (5, 5)
    assert {path.name for path in used.vault.iterdir()} == {
        *("lock", "name", "opt-outs", "permit-one", "permit-two", "persons", "quarantine")
    }
    # Once more, and back to the first: what freezes know the vault by is still the same.
    assert rotate(renewed, new_key(used), unrecorded)
    assert held(used) == before
    with Vault.open(used) as vault:
        assert vault.add(pl.Series(["dora"])) == 1
        assert vault.index_of(pl.Series(["dora"])).to_list() == [3]


def test_what_a_killed_freeze_has_left_is_no_sealed_file(used: Site, renewed: Site) -> None:
    left = used.vault / "staging-f2" / "rows.parquet"
    left.parent.mkdir()
    left.write_bytes(b"0101801234")
    before = held(used)
    assert rotate(used, new_key(renewed), unrecorded)
    assert held(renewed) == before
    assert left.is_file(), "the next freeze removes it"


def test_what_has_the_key_already_is_left_as_it_is(used: Site, renewed: Site) -> None:
    assert rotate(used, new_key(renewed), unrecorded)
    before = {path: path.read_bytes() for path in used.vault.rglob("*") if path.is_file()}
    for site in (used, renewed):
        assert not rotate(site, new_key(renewed), unrecorded)
    assert {path: path.read_bytes() for path in used.vault.rglob("*") if path.is_file()} == before


KILLED = """
import os, signal, sys
from pathlib import Path
from sundbench.site import Site
from sundbench.store.rotation import rotate

home, moments = Path(sys.argv[1]), {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}
site = Site(home, "", home / "key")
for name in home.iterdir():
    if name.name.isdigit():
        left = int(name.name)

        def count(event, _):
            global left
            left -= event in moments
            if left < 0 and event in moments:
                os.kill(os.getpid(), signal.SIGKILL)

        if os.fork() == 0:
            sys.addaudithook(count)
            rotate(Site(name, "", home / "key"), home / "new-key", lambda *_: None)
            os._exit(0)
        _, status = os.wait()
        (name / "ended").write_text(str(status))
"""


def test_killed_at_any_moment_one_of_the_keys_opens_all_and_a_second_attempt_works(
    used: Site, renewed: Site, tmp_path: Path
) -> None:
    before = held(used)
    farm = tmp_path / "farm"
    farm.mkdir()
    for place, key in (("key", used.vault_key_file), ("new-key", renewed.vault_key_file)):
        assert key is not None
        shutil.copy(key, farm / place)
    moments = 90
    for moment in range(moments):
        shutil.copytree(used.vault, farm / str(moment) / "vault")
    subprocess.run([sys.executable, "-c", KILLED, str(farm)], check=True)

    opened, ended = [], []
    for moment in range(moments):
        home = farm / str(moment)
        ended.append(os.waitstatus_to_exitcode(int((home / "ended").read_text())))
        old, new = (Site(home, "", farm / name) for name in ("key", "new-key"))
        works = [opens(site, before) for site in (old, new)]
        opened.append("new" if works == [False, True] else "old" if works == [True, False] else "neither")
        if moment % 10 == 0:
            assert rotate(old, farm / "new-key", unrecorded) is (opened[-1] == "old")
            assert held(new) == before
    assert opened == sorted(opened, key=["old", "new"].index)
    killed = ended.count(-signal.SIGKILL)
    assert ended == [-signal.SIGKILL] * killed + [0] * (moments - killed)
    assert {"old", "new"} == set(opened[:killed])  # before the switch and after it
    assert killed < moments, "raise the number of moments: none went through to the end"


def test_while_others_work_and_with_wrong_keys_it_is_refused_and_nothing_changes(
    used: Site, renewed: Site, tmp_path: Path
) -> None:
    Vault.create_key(tmp_path / "third")
    before = held(used)
    with Vault.open(used), pytest.raises(StoreError, match="has it open: try again"):
        rotate(used, new_key(renewed), unrecorded)
    with pytest.raises(StoreError, match="SUNDBENCH_VAULT_KEY_FILE"):
        rotate(dataclasses.replace(used, vault_key_file=None), new_key(renewed), unrecorded)
    with pytest.raises(StoreError, match="No such file"):
        rotate(used, tmp_path / "none", unrecorded)
    with pytest.raises(StoreError, match="sealed with another key"):
        rotate(renewed, tmp_path / "third", unrecorded)

    def unrecordable(_old: bytes, _new: bytes) -> None:
        # All is sealed, and still nobody else comes in.
        with pytest.raises(StoreError, match="has it open"):
            Vault.open(used)
        raise StoreError("can't be recorded")

    with pytest.raises(StoreError, match="can't be recorded"):
        rotate(used, new_key(renewed), unrecordable)
    assert held(used) == before
    quarantine = quarantine_file(used, "f1")
    quarantine.write_bytes(quarantine.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"f1\.enc is damaged"):
        rotate(used, new_key(renewed), unrecorded)
    assert not any(path.name.startswith((".", "rotation")) for path in used.vault.iterdir())
    Vault.open(used).close()


def test_without_a_vault_there_is_nothing_to_rotate(site: Site, tmp_path: Path) -> None:
    Vault.create_key(tmp_path / "other")
    with pytest.raises(StoreError, match="there is no vault"):
        rotate(site, tmp_path / "other", unrecorded)
    assert not site.vault.exists()
    Vault.open(site).close()
    with pytest.raises(StoreError, match="nothing is sealed in it yet"):
        rotate(site, tmp_path / "other", unrecorded)


def test_files_of_two_keys_are_told_without_a_key(used: Site, renewed: Site, tmp_path: Path) -> None:
    shutil.copytree(used.vault, tmp_path / "copy")
    (tmp_path / "copy" / "opt-outs").write_bytes(b"damaged")
    assert has_one_key(tmp_path / "copy")
    rotate(used, new_key(renewed), unrecorded)
    shutil.copy(used.vault / "persons", tmp_path / "copy" / "persons")
    assert not has_one_key(tmp_path / "copy")
    assert has_one_key(tmp_path / "not there")
