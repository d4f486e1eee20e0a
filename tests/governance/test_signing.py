"""The installation's keys: what they sign can't be changed, and nobody else holds them."""

import os
import shutil
import signal
import stat
import subprocess
import sys
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


def test_a_new_key_signs_and_what_earlier_ones_signed_is_told_from_what_nobody_did(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    signed = {}
    by = Signer(tmp_path, "manifest", AuditError)
    for name in ("first", "second", "third"):
        signed[name] = Signer(tmp_path, "manifest", AuditError).sign({"by": name})
        by.renew(lambda *keys: told.append(keys))
    now = Signer(tmp_path, "manifest", AuditError)
    assert [old for old, _ in told[1:]] == [new for _, new in told[:-1]]
    assert now.fingerprint == told[-1][1]
    assert now.signed({"by": "now"}, now.sign({"by": "now"}))
    for name, signature in signed.items():
        assert not now.signed({"by": name}, signature)
        assert [one.signed({"by": name}, signature) for one in now.earlier].count(True) == 1
        assert not any(one.signed({"by": "other"}, signature) for one in now.earlier)
    assert sorted(one.fingerprint for one in now.earlier) == sorted(old for old, _ in told)
    assert {path.name for path in tmp_path.glob("*.key")} == {"manifest.key"}
    assert stat.S_IMODE((tmp_path / "manifest.key").stat().st_mode) == 0o600


KILLED = """
import os, signal, sys
from pathlib import Path
from sundbench.errors import AuditError
from sundbench.governance.signing import Signer

def renew(folder, left):
    def count(event, _):
        nonlocal left
        if event in {"open", "os.rename", "os.remove"}:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    Signer(folder, "manifest", AuditError).renew(lambda *_: None)
    os._exit(0)

for folder in Path(sys.argv[1]).iterdir():
    if os.fork() == 0:
        renew(folder, int(folder.name))
    (folder / "ended").write_text(str(os.wait()[1]))
"""


def test_killed_at_any_moment_a_key_signs_and_what_both_signed_is_believed(tmp_path: Path) -> None:
    def believed(folder: Path, signature: str) -> bool:
        by = Signer(folder, "manifest", AuditError)
        return any(one.signed({"a": 1}, signature) for one in (by, *by.earlier))

    first = Signer(tmp_path / "first", "manifest", AuditError)
    before = first.sign({"a": 1})
    moments = 20
    for moment in range(moments):
        shutil.copytree(tmp_path / "first", tmp_path / "farm" / str(moment))
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "farm")], check=True)

    ended = []
    for moment in range(moments):
        folder = tmp_path / "farm" / str(moment)
        ended.append(os.waitstatus_to_exitcode(int((folder / "ended").read_text())))
        after = Signer(folder, "manifest", AuditError).sign({"a": 1})
        assert believed(folder, before)
        assert believed(folder, after)
        Signer(folder, "manifest", AuditError).renew(lambda *_: None)
        again = Signer(folder, "manifest", AuditError).sign({"a": 1})
        assert again not in {before, after}
        assert all(believed(folder, signature) for signature in (before, after, again))
        assert not list(folder.glob(".manifest.key*")), "no key lies about"
    killed = ended.count(-signal.SIGKILL)
    assert ended == [-signal.SIGKILL] * killed + [0] * (moments - killed)
    assert 0 < killed < moments


def test_a_key_that_isn_t_there_or_can_t_be_recorded_is_not_renewed(tmp_path: Path) -> None:
    by = Signer(tmp_path, "manifest", AuditError)
    with pytest.raises(AuditError, match="there is no key yet"):
        by.renew(lambda *_: None)
    signature = by.sign({})

    def unrecordable(*_: str) -> None:
        raise AuditError("can't be recorded")

    with pytest.raises(AuditError, match="can't be recorded"):
        by.renew(unrecordable)
    assert Signer(tmp_path, "manifest", AuditError).sign({}) == signature
    assert by.earlier == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into another account's folder")
def test_another_account_s_key_is_left_to_it(tmp_path: Path) -> None:
    by = Signer(tmp_path, "manifest", AuditError)
    by.make()
    os.chown(tmp_path / "manifest.key", 65534, 65534)
    with pytest.raises(AuditError, match="is another account's: run as the account"):
        by.renew(lambda *_: None)
