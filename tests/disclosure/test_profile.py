import pytest

from sundbench.disclosure.profile import profile
from sundbench.errors import DisclosureError


def test_the_authorities_thresholds() -> None:
    assert profile("sundhedsdatastyrelsen").min_persons == 5
    assert profile("danmarks_statistik").min_persons == 3


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(DisclosureError, match="there are danmarks_statistik, default"):
        profile("none")


def test_the_digest_follows_the_content() -> None:
    one = profile("default")
    assert one.digest != one.model_copy(update={"min_persons": 6}).digest
