"""The states of a release, and the steps between them."""

from __future__ import annotations

from collections.abc import Mapping

from sundbench.errors import ReleaseError
from sundbench.governance.models import Decision, Release, ReleaseState, Vote

REVIEWERS = 2
"""How many must have spoken before anything is decided."""

_S = ReleaseState

STEPS: Mapping[ReleaseState, frozenset[ReleaseState]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset({_S.APPROVED, _S.RETURNED, _S.REJECTED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset({_S.RELEASED, _S.WITHDRAWN}),
    _S.RETURNED: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.RELEASED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
"""From each state, those that may follow."""


def step(release: Release, to: ReleaseState) -> None:
    """Move a release to its next state.

    Raises:
        ReleaseError: that step does not exist.
    """
    at = ReleaseState(release.state)
    if to not in STEPS[at]:
        onward = ", ".join(sorted(state.value for state in STEPS[at])) or "nothing: this is its end"
        raise ReleaseError(
            f"release {release.id} is {at.value} and can't become {to.value}; it can: {onward}"
        )
    release.state = to.value


def clear(release: Release) -> None:
    """An output has changed: what reviewers said of the old ones counts no more, and review starts again.

    This is the one way back, from wherever the release has not ended.
    """
    release.votes.clear()
    if ReleaseState(release.state) in {_S.IN_REVIEW, _S.APPROVED}:
        release.state = _S.RETURNED.value


def verdict(votes: list[Vote]) -> ReleaseState | None:
    """What the votes decide; None until all reviewers have spoken.

    One rejection rejects, else one return returns: a release needs every reviewer's approval.
    """
    if len(votes) < REVIEWERS:
        return None
    said = {Decision(vote.decision) for vote in votes}
    if Decision.REJECT in said:
        return _S.REJECTED
    return _S.RETURNED if Decision.RETURN in said else _S.APPROVED
