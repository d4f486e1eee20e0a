"""Thirteen months are kept; what is older may go, and the chain can still be followed."""

from datetime import UTC, datetime

import pytest

from sundbench.errors import AuditError
from sundbench.governance.audit.log import Log
from sundbench.governance.audit.retention import months_later, retire
from sundbench.governance.audit.verify import verify
from sundbench.site import Site
from tests.governance.audit.conftest import edited, execute


def later(months: int) -> datetime:
    return months_later(datetime.now(UTC), months)


@pytest.mark.parametrize(
    ("day", "after"),
    [((2026, 1, 31), (2027, 3, 1)), ((2026, 11, 22), (2027, 12, 22)), ((2026, 12, 1), (2028, 1, 1))],
)
def test_thirteen_months_later(day: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    assert months_later(datetime(*day, tzinfo=UTC), 13) == datetime(*after, tzinfo=UTC)


def test_nothing_younger_goes(filled: Site) -> None:
    with Log(filled) as log:
        assert retire(filled, log, "bo") == []
        assert retire(filled, log, "bo", now=later(12)) == []
        assert retire(filled, log, "bo", now=later(20), months=24) == []
        with pytest.raises(AuditError, match="kept for 13 months at least"):
            retire(filled, log, "bo", months=12)


def test_what_is_old_goes_and_leaves_a_signed_statement(filled: Site) -> None:
    before = verify(filled)
    with Log(filled) as log:
        gone = retire(filled, log, "bo", now=later(14))
        log.append([execute("afterwards")])
    assert len(gone) == len(list(filled.audit.glob("*.retired.json"))) > 1
    assert len(list(filled.audit.glob("audit-*.jsonl"))) == 1  # the last one stays
    found = verify(filled, noted=before.head)
    assert found.problems == []
    assert found.first == gone[-1].sequence + 1
    assert found.last == before.last + len(gone) + 1
    with Log(filled) as log:  # and a writer goes on from it
        log.append([execute("more")])
    assert verify(filled).problems == []


def test_a_retirement_that_was_killed_half_way_is_finished_by_the_next(filled: Site) -> None:
    first = filled.audit / "audit-000001.jsonl"
    content = first.read_bytes()
    with Log(filled) as log:
        retire(filled, log, "bo", now=later(14))
    first.write_bytes(content)
    assert verify(filled).problems == []
    assert "retire again" in verify(filled).notes[0]
    with Log(filled) as log:
        assert retire(filled, log, "bo", now=later(14)) == []
    assert not first.exists()
    assert (verify(filled).problems, verify(filled).notes) == ([], [])


def test_an_edited_segment_stays(filled: Site) -> None:
    with edited(filled.audit / "audit-000002.jsonl") as lines:
        lines[1] = lines[1].replace(b"anna", b"hans")
    with Log(filled) as log, pytest.raises(AuditError, match="so it must stay"):
        retire(filled, log, "bo", now=later(14))
    assert (filled.audit / "audit-000002.jsonl").exists()


def test_edited_and_missing_statements_are_found(filled: Site) -> None:
    with Log(filled) as log:
        retire(filled, log, "bo", now=later(14))
    first, second = sorted(filled.audit.glob("*.retired.json"))[:2]
    content = second.read_bytes()
    second.write_bytes(content.replace(b'"by": "bo"', b'"by": "no"'))
    assert "not as it was signed" in verify(filled).problems[0].what
    second.write_bytes(content)
    assert verify(filled).problems == []
    first.unlink()
    assert "is missing" in verify(filled).problems[0].what


def test_a_statement_that_came_too_early_is_found(filled: Site) -> None:
    """The key's holder could sign one: its own dates tell on it."""
    with Log(filled) as log:
        gone = retire(filled, log, "bo", now=later(14))
    from dataclasses import replace

    from sundbench.governance.audit.heads import signer

    early = replace(gone[0], retired=datetime.now(UTC))
    (filled.audit / early.name).write_bytes(early.signed(signer(filled)))
    assert "before its records were 13 months old" in verify(filled).problems[0].what
