"""How much a kernel may send for one request."""

from hypothesis import given
from hypothesis import strategies as st

from sundbench.hub.server.metering import Meter, Passage, Requests


def test_what_fits_goes_and_the_first_that_does_not_is_told() -> None:
    requests = Requests()
    requests.add("a")
    meter = Meter(100, requests)

    assert [meter.passage("a", 60) for _ in range(4)] == [
        Passage.GOES,
        Passage.CUT,
        Passage.GONE,
        Passage.GONE,
    ]


def test_the_next_request_has_its_own_allowance() -> None:
    requests = Requests()
    requests.add("a")
    meter = Meter(100, requests)
    meter.passage("a", 200)
    requests.add("b")

    assert meter.passage("b", 100) is Passage.GOES


def test_a_kernel_that_invents_requests_has_one_allowance_for_all() -> None:
    meter = Meter(100, Requests())

    assert [meter.passage(f"invented {i}", 60) for i in range(3)] == [Passage.GOES, Passage.CUT, Passage.GONE]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 1000)), max_size=200))
def test_never_more_goes_than_requests_and_one_allow(messages: list[tuple[str, int]]) -> None:
    requests = Requests()
    requests.add("a")
    requests.add("b")
    meter = Meter(1000, requests)

    gone = sum(size for request, size in messages if meter.passage(request, size) is Passage.GOES)

    assert gone <= 3 * 1000
