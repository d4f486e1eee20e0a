"""How much memory reading a delivery takes."""

import os

import pytest

from sundbench.store.intake import memory


def test_up_to_six_hundred_thousand_persons_get_the_same() -> None:
    assert memory(1) == memory(600_000) == 1_200_000_000


def test_memory_grows_with_the_persons_and_not_with_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 2**26 if name == "SC_PHYS_PAGES" else 4096)
    assert memory(6_000_000) == 2 * memory(3_000_000) == 12_000_000_000


def test_the_machine_keeps_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 2**20 if name == "SC_PHYS_PAGES" else 4096)
    assert memory(6_000_000) == 3 * 2**30
