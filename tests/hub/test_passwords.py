"""Passwords: hashed, private, compared alike for known and unknown users; failures make wait."""

import json
import re
import stat
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub import passwords
from sundbench.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "sqlite://")


def test_a_password_opens_for_its_user_alone(site: Site) -> None:
    passwords.put(site, "anna", "korrekt hest batteri")
    assert passwords.check(site, "anna", "korrekt hest batteri")
    assert not passwords.check(site, "anna", "korrekt hest batterj")
    assert not passwords.check(site, "jens", "korrekt hest batteri")


def test_nobody_logs_in_without_a_password(site: Site) -> None:
    assert not passwords.check(site, "anna", "")


def test_the_file_is_private_and_holds_no_password(site: Site) -> None:
    passwords.put(site, "anna", "korrekt hest batteri")
    assert stat.S_IMODE(passwords.path(site).stat().st_mode) == 0o600
    assert "hest" not in passwords.path(site).read_text()


def test_a_guess_costs_what_owasp_recommends(site: Site) -> None:
    passwords.put(site, "anna", "korrekt hest batteri")
    made = json.loads(passwords.path(site).read_text())["anna"]
    assert made["n"] * made["r"] * 128 >= 16 * 2**20, "bytes of memory"
    assert made["p"] >= 5


def test_equal_passwords_have_unequal_hashes(site: Site) -> None:
    passwords.put(site, "anna", "korrekt hest batteri")
    passwords.put(site, "jens", "korrekt hest batteri")
    found = re.findall(r'"hash": "(\w+)"', passwords.path(site).read_text())
    assert len(set(found)) == 2


def test_a_password_can_be_changed_and_removed(site: Site) -> None:
    passwords.put(site, "anna", "korrekt hest batteri")
    passwords.put(site, "anna", "et andet langt kodeord")
    assert not passwords.check(site, "anna", "korrekt hest batteri")
    passwords.remove(site, "anna")
    assert passwords.users(site) == frozenset()


def test_a_short_password_is_refused(site: Site) -> None:
    with pytest.raises(HubError, match="at least 12"):
        passwords.put(site, "anna", "kort")


def test_a_damaged_file_is_said_in_one_line(site: Site) -> None:
    site.hub.mkdir()
    passwords.path(site).write_text("{")
    with pytest.raises(HubError, match=r"passwords\.json: can't be read"):
        passwords.check(site, "anna", "korrekt hest batteri")


def test_generated_passwords_are_long_enough_and_differ(site: Site) -> None:
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", one) for one in made)


def test_failures_make_wait_longer_each_time_and_success_forgets_them() -> None:
    now = 1000.0
    attempts = passwords.Attempts(clock=lambda: now)
    waits = []
    for _ in range(7):
        attempts.failed("anna")
        waits.append(attempts.wait("anna"))
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert attempts.wait("jens") == 0
    now += 29
    assert attempts.wait("anna") == 1
    attempts.succeeded("anna")
    assert attempts.wait("anna") == 0
