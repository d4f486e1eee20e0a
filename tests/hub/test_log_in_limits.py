"""One address tries many names."""

from __future__ import annotations

import pytest

from sundbench.hub.log_in_limits import Limit, place


def test_failures_use_up_what_an_address_may() -> None:
    limit = Limit(burst=3, rate=0.001)
    assert [limit.take("10.0.0.1") == 0 for _ in range(5)] == [True, True, True, False, False]
    assert limit.take("10.0.0.2") == 0, "others may still"


def test_a_whole_hospital_behind_one_address_logs_in() -> None:
    limit = Limit(burst=3, rate=0.001)
    for _ in range(50):
        assert limit.take("10.0.0.1") == 0
        limit.give_back("10.0.0.1")


def test_made_up_addresses_don_t_fill_the_memory() -> None:
    limit = Limit(burst=3, rate=1)
    for number in range(10_100):
        limit.take(str(number))
    assert len(limit._paces) == 10_000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_whom_an_address_counts_for(one: str, other: str, same: bool) -> None:
    assert (place(one) == place(other)) is same
