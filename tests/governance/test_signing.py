"""The installation's keys: what they sign can't be changed, and nobody else holds them."""

import stat
from pathlib import Path
from threading import Thread

import pytest

from sundbench.errors import AuditError
from sundbench.governance.signing import Signer


def test_only_what_was_signed_is_signed(tmp_path: Path) -> None:
    by = Signer(tmp_path / "keys", "audit", AuditError)
    signature = by.sign({"a": 1, "b": "æ"})
    assert by.signed({"b": "æ", "a": 1}, signature)
    assert not by.signed({"a": 2, "b": "æ"}, signature)
    assert not by.signed({"a": 1, "b": "æ"}, "no signature")
    assert not by.signed({"a": 1, "b": "æ"}, Signer(tmp_path / "other", "audit", AuditError).sign({"a": 1}))
    assert stat.S_IMODE((tmp_path / "keys" / "audit.key").stat().st_mode) == 0o600


def test_all_who_make_it_at_once_hold_the_same_key(tmp_path: Path) -> None:
    prints: list[str] = []

    def make() -> None:
        by = Signer(tmp_path / "keys", "audit", AuditError)
        by.make()
        prints.append(by.fingerprint)

    threads = [Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 4
    assert len(set(prints)) == 1


@pytest.mark.parametrize("name", ["audit.key", "audit.pub"])
def test_a_damaged_key_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    Signer(tmp_path, "audit", AuditError).make()
    (tmp_path / name).write_text("no key")
    by = Signer(tmp_path, "audit", AuditError)
    with pytest.raises(AuditError, match="is not an Ed25519 key: restore it"):
        _ = by.sign({}) and by.fingerprint
