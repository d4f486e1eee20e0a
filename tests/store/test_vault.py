"""The vault: who gets which index, which pseudonym, and who may look."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundbench.errors import StoreError
from sundbench.site import Site
from sundbench.store import pseudonyms
from sundbench.store.vault import Vault


def changes(*pairs: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"older": pl.String, "current": pl.String}, orient="row")


def test_newcomers_continue_the_index_without_gaps(site: Site) -> None:
    with Vault.open(site) as vault:
        assert vault.add(pl.Series(["anna", "bo", "anna", None])) == 2
        assert vault.add(pl.Series(["bo", "carl"])) == 1
        assert sorted(vault.index_of(pl.Series(["anna", "bo"])).to_list()) == [0, 1]
        assert vault.index_of(pl.Series(["carl", None, "dora"])).to_list() == [2, None, None]
        assert vault.persons == 3


def test_the_index_is_the_same_for_the_same_vault_and_says_nothing_of_the_identifiers(site: Site) -> None:
    people = pl.Series([f"{number:010d}" for number in range(1000)])
    with Vault.open(site) as vault:
        vault.add(people)
        once = vault.index_of(people)
    with Vault.open(site) as vault:  # not saved: the vault is as before
        vault.add(people.shuffle(seed=1))
        assert vault.index_of(people).equals(once)
    assert sorted(once.to_list()) == list(range(1000))
    assert abs(np.corrcoef(once.to_numpy(), np.arange(1000))[0, 1]) < 0.15
    Vault.create_key(other := site.root / "other-key")
    with Vault.open(dataclasses.replace(site, root=site.root / "b", vault_key_file=other)) as vault:
        vault.add(people)
        assert not vault.index_of(people).equals(once)


@given(st.sets(st.text(min_size=0, max_size=40).filter(lambda t: "\x00" not in t), max_size=30))
def test_the_keyed_order_is_a_permutation_that_does_not_depend_on_the_order_given(texts: set[str]) -> None:
    series = pl.Series(sorted(texts), dtype=pl.String)
    there = series.gather(pseudonyms.order(series, b"k" * 32))
    back = series.reverse().gather(pseudonyms.order(series.reverse(), b"k" * 32))
    assert there.equals(back)
    assert set(there) == texts


def test_what_is_saved_is_there_again_and_nothing_is_readable_on_disk(site: Site) -> None:
    with Vault.open(site) as vault:
        vault.add(pl.Series(["0101801234"]))
        vault.opt_out(pl.Series(["0101801234"]))
        first = vault.pseudonyms("2026-007", np.array([0]))
        key = vault.permit_key("2026-007")
        vault.save()
    with Vault.open(site) as vault:
        assert vault.index_of(pl.Series(["0101801234"])).to_list() == [0]
        assert vault.pseudonyms("2026-007", np.array([0])) == first
        assert vault.permit_key("2026-007") == key
        assert vault.permits == ("2026-007",)
        assert vault.opted_out().tolist() == [0]
    for path in site.vault.iterdir():
        assert b"0101801234" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_one_person_has_several_numbers(site: Site) -> None:
    with Vault.open(site) as vault:
        new = vault.add(pl.Series(["new", "other"]), changes(("old", "newer"), ("newer", "new"), ("x", "y")))
        index = vault.index_of(pl.Series(["old", "newer", "new"]))
        assert new == 2
        assert index.n_unique() == 1
        assert vault.index_of(pl.Series(["x"])).to_list() == [None]  # nobody in the delivery


def test_two_persons_who_turn_out_to_be_one_keep_one_pseudonym(site: Site) -> None:
    with Vault.open(site) as vault:
        vault.add(pl.Series(["a"]))
        vault.add(pl.Series(["b"]))
        vault.add(pl.Series(["c"]))
        before = vault.pseudonyms("p", np.array([0, 1, 2]))
        vault.opt_out(pl.Series(["c"]))
        assert vault.add(pl.Series(["a"]), changes(("c", "b"))) == 0
        assert vault.index_of(pl.Series(["a", "b", "c"])).to_list() == [0, 1, 1]
        assert vault.pseudonyms("p", np.array([0, 1, 2])).tolist() == [before[0], before[1], before[1]]
        assert vault.opted_out().tolist() == [1, 2]
        vault.add(pl.Series([], dtype=pl.String), changes(("b", "a")))
        assert vault.index_of(pl.Series(["a", "b", "c"])).to_list() == [0, 0, 0]
        vault.save()
    with Vault.open(site) as vault:
        assert vault.pseudonyms("p", np.array([2, 1])).tolist() == [before[0], before[0]]


def test_pseudonyms_are_distinct_stay_and_belong_to_their_permit(site: Site) -> None:
    with Vault.open(site) as vault:
        vault.add(pl.Series([str(n) for n in range(5000)]))
        some = vault.pseudonyms("one", np.arange(0, 5000, 2))
        every = vault.pseudonyms("one", np.arange(5000))
        other = vault.pseudonyms("two", np.arange(5000))
        assert np.array_equal(every[::2], some)
        assert len(np.unique(every)) == 5000
        assert every.dtype == np.int32
        assert every.min() >= 1
        assert not np.array_equal(every, other)
        assert vault.permit_key("one") != vault.permit_key("two")
        # Newcomers are spread among the others: no drift with the index, which runs in order of arrival.
        assert abs(np.corrcoef(every, np.arange(5000))[0, 1]) < 0.07


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_draw_never_repeats_what_is_taken(count: int, taken: int) -> None:
    before = pseudonyms.draw(taken, np.empty(0, dtype=np.int32))
    after = pseudonyms.draw(count, before)
    assert len(np.unique(np.concatenate([before, after]))) == count + taken


def test_opt_outs_may_come_before_the_person_does(site: Site) -> None:
    with Vault.open(site) as vault:
        assert vault.opt_out(pl.Series(["later", "later", None])) == 1
        assert vault.opt_out(pl.Series(["later"])) == 0
        assert vault.opted_out().tolist() == []
        vault.add(pl.Series(["later"]))
        assert vault.opted_out().tolist() == [0]


def test_a_second_process_is_kept_out_with_one_line(site: Site) -> None:
    with Vault.open(site):
        code = (
            "from pathlib import Path; from sundbench.site import Site;"
            "from sundbench.store.vault import Vault;"
            f"Vault.open(Site(Path({str(site.root)!r}), '', Path({str(site.vault_key_file)!r})))"
        )
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "another freeze, extract or rotation has it open" in second.stderr.splitlines()[-1]
        with pytest.raises(StoreError, match="has it open"):
            Vault.open(site)
    Vault.open(site).close()


def test_wrong_keys_and_damaged_files_are_told_apart(site: Site) -> None:
    with Vault.open(site) as vault:
        vault.add(pl.Series(["a", "b"]))
        vault.pseudonyms("p", np.array([0]))
        vault.save()
    assert site.vault_key_file is not None
    Vault.create_key(other := site.root / "other-key")
    with pytest.raises(StoreError, match="sealed with another key"):
        Vault.open(dataclasses.replace(site, vault_key_file=other))
    whole = (site.vault / "persons").read_bytes()
    for damaged in (whole[:-1], whole[:50], b"", whole[:-20] + b"\x00" + whole[-19:], whole + b"x"):
        (site.vault / "persons").write_bytes(damaged)
        with pytest.raises(StoreError, match="damaged or was tampered"):
            Vault.open(site)
    (site.vault / "persons").write_bytes((site.vault / "permit-p").read_bytes())
    with pytest.raises(StoreError, match="damaged or was tampered"):
        Vault.open(site)
    (site.vault / "persons").write_bytes(whole)
    Vault.open(site).close()


def test_keys_that_will_not_do(site: Site, tmp_path: Path) -> None:
    assert site.vault_key_file is not None
    with pytest.raises(StoreError, match="SUNDBENCH_VAULT_KEY_FILE"):
        Vault.open(dataclasses.replace(site, vault_key_file=None))
    with pytest.raises(StoreError, match="there already"):
        Vault.create_key(site.vault_key_file)
    assert site.vault_key_file.stat().st_mode & 0o777 == 0o600
    (bad := tmp_path / "bad").write_text("not a key")
    bad.chmod(0o600)
    with pytest.raises(StoreError, match="32 bytes"):
        Vault.open(dataclasses.replace(site, vault_key_file=bad))
    site.vault_key_file.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        Vault.open(site)


@pytest.mark.parametrize("place", ["/proc/none/here", "/dev/null/here"])
def test_a_place_where_nothing_can_be_made(site: Site, place: str) -> None:
    with pytest.raises(StoreError, match="could not be opened"):
        Vault.open(dataclasses.replace(site, root=Path(place)))
    with pytest.raises(StoreError, match="its folder can't be made"):
        Vault.create_key(Path(place) / "key")


def test_permit_ids_are_no_paths(site: Site) -> None:
    with Vault.open(site) as vault, pytest.raises(StoreError, match="permit id"):
        vault.pseudonyms("../persons", np.array([0]))


def test_a_key_never_shows_itself(site: Site) -> None:
    with Vault.open(site) as vault:
        assert repr(vault.key) == "Key(...)"


def test_an_opt_out_is_withdrawn_under_every_number_of_the_person(site: Site) -> None:
    with Vault.open(site) as vault:
        vault.add(pl.Series(["old", "new", "x"]), pl.DataFrame({"older": ["old"], "current": ["new"]}))
        vault.opt_out(pl.Series(["old", "x", "not yet known"]))
        assert vault.opt_in(pl.Series(["new", None])) == 1
        assert vault.opt_in(pl.Series(["new"])) == 0
        assert vault.opt_in(pl.Series(["not yet known"])) == 1
        vault.save()
    with Vault.open(site) as vault:
        assert vault.opt_outs == 1
        assert vault.opted_out().tolist() == vault.index_of(pl.Series(["x"])).to_list()
