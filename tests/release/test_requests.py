"""Releases: who may do what when, and that nobody slips anything in between."""

import errno
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.profile import Profile
from sundbench.errors import PermitError, ReleaseError, SundbenchError
from sundbench.governance.models import Decision, ReleaseState
from sundbench.release import manifest as manifests
from sundbench.release import requests
from sundbench.release.released import released, verified
from sundbench.release.run import folder_of
from sundbench.site import Site

Kept = Callable[..., str]
APPROVE, RETURN, REJECT = Decision.APPROVE, Decision.RETURN, Decision.REJECT


def test_two_approvals_let_outputs_out_for_good(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna", note="first")
    assert asked.state == ReleaseState.SUBMITTED
    assert requests.vote(site, asked.id, "bo", APPROVE).state == ReleaseState.IN_REVIEW
    assert requests.vote(site, asked.id, "kim", APPROVE).state == ReleaseState.APPROVED
    folder = requests.publish(site, asked.id)
    assert requests.find(site, asked.id).state == ReleaseState.RELEASED
    opened = verified(site, asked.id)
    assert opened.about.reviewers == ("bo", "kim")
    assert opened.table("sex")["persons"].tolist() == [10, 12]
    assert stat.S_IMODE((folder / "sex.parquet").stat().st_mode) == 0o444
    with pytest.raises(ReleaseError, match="this is its end"):
        requests.publish(site, asked.id)
    with pytest.raises(ReleaseError, match="this is its end"):
        requests.withdraw(site, asked.id, "anna")


@pytest.mark.parametrize(
    ("votes", "state"),
    [
        ((APPROVE, RETURN), ReleaseState.RETURNED),
        ((RETURN, APPROVE), ReleaseState.RETURNED),
        ((RETURN, REJECT), ReleaseState.REJECTED),
        ((REJECT, APPROVE), ReleaseState.REJECTED),
    ],
)
def test_nothing_is_decided_before_both_have_spoken(
    site: Site, kept: Kept, votes: tuple[Decision, Decision], state: ReleaseState
) -> None:
    asked = requests.submit(site, kept(), "anna")
    assert requests.vote(site, asked.id, "bo", votes[0], "because").state == ReleaseState.IN_REVIEW
    assert requests.vote(site, asked.id, "kim", votes[1], "because").state == state
    with pytest.raises(ReleaseError, match="can't become"):
        requests.publish(site, asked.id)


def test_reviewers_are_blind_to_each_other_until_both_have_spoken(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    one = requests.vote(site, asked.id, "bo", RETURN, "too small")
    assert [vote.reviewer for vote in requests.open_votes(one, "bo")] == ["bo"]
    assert requests.open_votes(one, "kim") == []
    assert requests.open_votes(one, "anna") == []
    both = requests.vote(site, asked.id, "kim", APPROVE)
    assert len(requests.open_votes(both, "anna")) == 2


def test_who_may_not_review(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    with pytest.raises(PermitError, match="someone else"):
        requests.vote(site, asked.id, "anna", APPROVE)
    with pytest.raises(PermitError, match="eve is no reviewer"):
        requests.vote(site, asked.id, "eve", APPROVE)
    requests.vote(site, asked.id, "bo", APPROVE)
    with pytest.raises(ReleaseError, match="has voted"):
        requests.vote(site, asked.id, "bo", APPROVE)
    with pytest.raises(ReleaseError, match="say why"):
        requests.vote(site, asked.id, "kim", REJECT, " ")


def test_who_ran_it_may_not_review_it(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(user="bo"), "anna")
    with pytest.raises(PermitError, match="someone else"):
        requests.vote(site, asked.id, "bo", APPROVE)


def test_who_may_ask(site: Site, kept: Kept) -> None:
    with pytest.raises(PermitError, match="neither researcher nor analyst"):
        requests.submit(site, kept(), "bo")


def test_findings_stop_a_request(site: Site, kept: Kept) -> None:
    with pytest.raises(requests.BlockedError) as blocked:
        requests.submit(site, kept(women=3), "anna")
    assert "3 persons, fewer than 5" in blocked.value.findings[0].line
    assert requests.every(site) == []


def test_a_run_is_asked_for_once(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    with pytest.raises(ReleaseError, match=f"in release {asked.id} already"):
        requests.submit(site, asked.run, "anna")
    requests.withdraw(site, asked.id, "anna")
    assert requests.submit(site, asked.run, "anna").id != asked.id


@pytest.mark.parametrize("after", [0, 1, 2])
def test_new_outputs_clear_the_votes(site: Site, kept: Kept, after: int) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim")[:after]:
        requests.vote(site, asked.id, reviewer, APPROVE)
    second = kept("tiny-20261122110000-aaaa", women=30)
    changed = requests.submit(site, second, "anna", release=asked.id)
    assert (changed.id, changed.run, changed.state) == (asked.id, second, ReleaseState.SUBMITTED)
    assert requests.find(site, asked.id).votes == []


def test_a_change_behind_the_reviewers_backs_clears_the_votes(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, asked.id, reviewer, APPROVE)
    path = folder_of(site, asked.run) / "outbox" / "sex.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ReleaseError, match="votes are cleared"):
        requests.publish(site, asked.id)
    now = requests.find(site, asked.id)
    assert (now.votes, now.state) == ([], ReleaseState.RETURNED)
    assert not (site.releases / asked.id).exists()


def test_outputs_swapped_while_they_are_checked(
    site: Site, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept(women=3)
    outbox = folder_of(site, run) / "outbox"
    innocent = folder_of(site, kept("tiny-20261122110000-aaaa", women=30)) / "outbox"
    compare = manifests.check_outputs

    def then_swap(manifest: manifests.Manifest, folder: Path) -> None:
        compare(manifest, folder)
        for path in innocent.iterdir():
            (outbox / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(manifests, "check_outputs", then_swap)
    with pytest.raises(SundbenchError, match=r"was changed|stop it"):
        requests.submit(site, run, "anna")
    assert requests.every(site) == []


def test_outputs_swapped_while_they_are_published(
    site: Site, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, asked.id, reviewer, APPROVE)
    outbox = folder_of(site, asked.run) / "outbox"
    other = folder_of(site, kept("tiny-20261122110000-aaaa", women=3)) / "outbox"

    def then_swap(folder: Path, rules: Profile) -> list[Finding]:
        found = check(folder, rules)
        for path in other.iterdir():
            (outbox / path.name).write_bytes(path.read_bytes())
        return found

    monkeypatch.setattr(requests, "check", then_swap)
    requests.publish(site, asked.id)
    assert verified(site, asked.id).table("sex")["persons"].tolist() == [10, 12]


def test_what_the_check_has_learnt_since_holds_at_publishing(
    site: Site, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, asked.id, reviewer, APPROVE)
    monkeypatch.setattr(requests, "check", lambda *_: [Finding("sex", "", "gives someone away", "merge")])
    with pytest.raises(requests.BlockedError):
        requests.publish(site, asked.id)
    assert requests.find(site, asked.id).state == ReleaseState.APPROVED
    assert not (site.releases / asked.id).exists()


def test_a_full_disk_leaves_nothing_half_released(
    site: Site, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, asked.id, reviewer, APPROVE)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sundbench.release.signing.sign", full)
        with pytest.raises(ReleaseError, match="the disk is full; nothing was kept"):
            requests.publish(site, asked.id)
    assert list(site.releases.iterdir()) == []
    requests.publish(site, asked.id)
    assert verified(site, asked.id).names == ["sex"]


def test_a_rejected_run_does_not_come_back_by_another_request(site: Site, kept: Kept) -> None:
    rejected = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, rejected.id, reviewer, REJECT, "a village of six")
    other = requests.submit(site, kept("tiny-20261122110000-aaaa", women=30), "anna")
    with pytest.raises(ReleaseError, match=f"is in release {rejected.id} already, which is rejected"):
        requests.submit(site, rejected.run, "anna", release=other.id)
    assert requests.find(site, other.id).run == other.run


def test_two_who_vote_at_once_both_count(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: requests.vote(site, asked.id, user, APPROVE), ["bo", "kim"]))
    now = requests.find(site, asked.id)
    assert (len(now.votes), now.state) == (2, ReleaseState.APPROVED)


def test_one_who_votes_twice_at_once_counts_once(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")

    def vote(_: int) -> str:
        try:
            return requests.vote(site, asked.id, "bo", APPROVE).state
        except SundbenchError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(vote, range(2)))
    assert said == ["bo has voted on release " + asked.id + " already", "in_review"]


def test_two_who_ask_at_once_for_one_run(site: Site, kept: Kept) -> None:
    run = kept()

    def ask(_: int) -> bool:
        try:
            requests.submit(site, run, "anna")
        except ReleaseError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == [False, True]


def test_a_released_output_that_is_changed_is_found(site: Site, kept: Kept) -> None:
    asked = requests.submit(site, kept(), "anna")
    for reviewer in ("bo", "kim"):
        requests.vote(site, asked.id, reviewer, APPROVE)
    folder = requests.publish(site, asked.id)
    (folder / "sex.parquet").chmod(0o644)
    (folder / "sex.parquet").write_bytes(b"x")
    with pytest.raises(ReleaseError, match=r"sex\.parquet is not as it was released"):
        released(folder)
    with pytest.raises(ReleaseError, match="not released"):
        verified(site, "../releases")
