"""Whoever edits, removes, reorders, swaps or rolls back anything is found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundbench.errors import AuditError
from sundbench.governance.audit.heads import signer
from sundbench.governance.audit.log import BrokenLogError, Log
from sundbench.governance.audit.record import GENESIS, Record, digest
from sundbench.governance.audit.verify import Verified, verify
from sundbench.site import Site
from tests.governance.audit.conftest import edited, execute


def problems(site: Site) -> str:
    found = verify(site)
    assert found.problems
    return "; ".join(f"{problem.where}: {problem.what}" for problem in found.problems)


def test_a_whole_log(filled: Site) -> None:
    found = verify(filled)
    assert (found.problems, found.notes) == ([], [])
    assert (found.records, found.first, found.last, found.anchored) == (30, 1, 30, 30)
    assert found.anchors == 4  # the beginning, and each of three closings
    assert len(list(filled.audit.glob("audit-*.jsonl"))) > 2
    assert verify(filled, noted=found.head, key=found.key[:16]).problems == []


def test_nothing_to_verify(site: Site) -> None:
    with pytest.raises(AuditError, match="no audit log"):
        verify(site)


def test_an_edited_record_is_found_wherever_it_is(filled: Site) -> None:
    for path in sorted(filled.audit.glob("audit-*.jsonl")):
        original = path.read_bytes()
        with edited(path) as lines:
            lines[0] = lines[0].replace(b"anna", b"hans").replace(b"audit writer", b"audit wroter")
        assert "was edited or swapped" in problems(filled) or "anchor" in problems(filled)
        path.write_bytes(original)
    assert verify(filled).problems == []


def test_an_edited_last_record_is_found_by_its_anchor(filled: Site) -> None:
    last = max(filled.audit.glob("audit-*.jsonl"))
    with edited(last) as lines:
        lines[-1] = lines[-1].replace(b"anna", b"hans")
    assert "record 30: not the one of anchor 4" in problems(filled)
    with pytest.raises(BrokenLogError, match="not the one that was anchored"):
        Log(filled)


def test_a_log_that_is_forged_with_a_good_chain_is_found_by_its_anchors(filled: Site) -> None:
    previous, sequence = GENESIS, 0
    for path in sorted(filled.audit.glob("audit-*.jsonl")):
        forged = b""
        for line in path.read_bytes().splitlines():
            record = Record.parse(line)
            sequence += 1
            fields = {name: getattr(record, name) for name in Record.__slots__}
            detail = {"code": "harmless"} if sequence == 5 else record.detail
            changed = Record(**{**fields, "detail": detail, "previous": previous}).line()
            previous = digest(changed)
            forged += changed + b"\n"
        path.write_bytes(forged)
    found = problems(filled)
    assert "not the one of anchor" in found
    assert "edited or swapped" not in found


@pytest.mark.parametrize(
    "spelling",
    [b'{"sequence": 3', b'{"sequence":3,"sequence":3', b'{"sequence":3.0'],
)
def test_a_record_spelled_otherwise_is_no_record(filled: Site, spelling: bytes) -> None:
    with edited(filled.audit / "audit-000001.jsonl") as lines:
        lines[2] = lines[2].replace(b'{"sequence":3', spelling)
    assert "not a record as the writer spells it" in problems(filled)


def test_a_deleted_record(filled: Site) -> None:
    with edited(filled.audit / "audit-000001.jsonl") as lines:
        del lines[2]
    assert "record 4 stands here: records were removed, added or reordered" in problems(filled)


def test_reordered_records(filled: Site) -> None:
    with edited(filled.audit / "audit-000001.jsonl") as lines:
        lines[1], lines[2] = lines[2], lines[1]
    assert "reordered" in problems(filled)


def test_an_inserted_record(filled: Site) -> None:
    with edited(filled.audit / "audit-000001.jsonl") as lines:
        lines.insert(2, lines[1])
    assert "added" in problems(filled)


def test_a_truncated_log(filled: Site) -> None:
    last = max(filled.audit.glob("audit-*.jsonl"))
    with edited(last) as lines:
        del lines[-1]
    assert "ends at record 29, but record 30 was anchored" in problems(filled)
    with pytest.raises(BrokenLogError, match="ends at record 29, its anchor is at 30"):
        Log(filled)


def test_a_log_cut_within_a_record_that_was_acknowledged(filled: Site) -> None:
    last = max(filled.audit.glob("audit-*.jsonl"))
    last.write_bytes(last.read_bytes()[:-20])
    assert "record 30 was anchored" in problems(filled)
    with pytest.raises(BrokenLogError):
        Log(filled)


def test_swapped_segments(filled: Site) -> None:
    first, second = (filled.audit / f"audit-00000{number}.jsonl" for number in (1, 2))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert "reordered" in problems(filled)


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_segment(filled: Site, number: int) -> None:
    (filled.audit / f"audit-00000{number}.jsonl").unlink()
    assert f"segment {number} before it is not there" in problems(filled)


def test_a_removed_last_segment(filled: Site) -> None:
    max(filled.audit.glob("audit-*.jsonl")).unlink()
    assert "records were removed" in problems(filled)
    with pytest.raises(BrokenLogError):
        Log(filled)


def test_a_removed_log(filled: Site) -> None:
    shutil.rmtree(filled.audit)
    assert "ends at record 0, but record 30 was anchored" in problems(filled)
    with pytest.raises(BrokenLogError, match="its anchors are there"):
        Log(filled)


@pytest.fixture
def rolled_back(filled: Site, tmp_path: Path) -> Site:
    """An older copy of the log, with its heads, stands in place of the newer."""
    shutil.copytree(filled.audit, tmp_path / "older")
    with Log(filled) as log:
        log.append([execute("what nobody should see")])
    shutil.rmtree(filled.audit)
    (tmp_path / "older").rename(filled.audit)
    return filled


def test_an_older_log_in_place_of_the_newer(rolled_back: Site) -> None:
    assert "an older copy was put in its place" in problems(rolled_back)
    with pytest.raises(BrokenLogError, match="older copy"):
        Log(rolled_back)


def test_an_older_log_and_anchors_that_are_cut_to_it_are_found_by_a_head_noted_elsewhere(
    filled: Site, tmp_path: Path
) -> None:
    for folder in (filled.audit, filled.anchors):
        shutil.copytree(folder, tmp_path / "older" / folder.name)
    with Log(filled) as log:
        log.append([execute("what nobody should see")])
    noted = verify(filled).head
    for folder in (filled.audit, filled.anchors):
        shutil.rmtree(folder)
        (tmp_path / "older" / folder.name).rename(folder)
    assert verify(filled).problems == []  # who may change both folders can do this: docs/audit.md
    assert "record 31 was noted" in verify(filled, noted=noted).problems[0].what
    with pytest.raises(AuditError, match="is no head"):
        verify(filled, noted="yesterday's")


def test_another_log_in_its_place(filled: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other", "")
    shutil.copytree(filled.root / "keys", other.root / "keys")
    with Log(other) as log:
        log.append([execute("harmless")] * 40)
    shutil.rmtree(filled.audit)
    shutil.copytree(other.audit, filled.audit)
    assert "not the one of anchor" in problems(filled)
    with pytest.raises(BrokenLogError, match="another log's"):
        Log(filled)


Edit = Callable[[list[bytes]], None]


def _edit(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b'"sequence":', b'"sequence":1')


def _delete(lines: list[bytes]) -> None:
    del lines[1]


def _cut(lines: list[bytes]) -> None:
    del lines[-1]


def _reorder(lines: list[bytes]) -> None:
    lines.reverse()


def _resign(lines: list[bytes]) -> None:
    content = json.loads(lines[-1])
    content["signature"] = "00" * 64
    lines[-1] = json.dumps(content).encode() + b"\n"


@pytest.mark.parametrize("edit", [_edit, _delete, _cut, _reorder, _resign])
def test_edited_anchors(filled: Site, edit: Edit) -> None:
    (anchors,) = filled.anchors.iterdir()
    with edited(anchors) as lines:
        edit(lines)
    assert "anchor" in problems(filled)


def test_anchors_that_are_gone(filled: Site) -> None:
    shutil.rmtree(filled.anchors)
    assert "cut off" in problems(filled)
    with pytest.raises(BrokenLogError, match="anchors are gone"):
        Log(filled)
    (filled.audit / "head.json").unlink()
    assert "holds no anchors" in problems(filled)
    with pytest.raises(BrokenLogError, match="anchors are gone"):
        Log(filled)


def test_an_edited_head_beside_the_log(filled: Site) -> None:
    head = filled.audit / "head.json"
    head.write_bytes(head.read_bytes().replace(b'"sequence":30', b'"sequence":29'))
    assert "head.json: not as it was signed" in problems(filled)
    with pytest.raises(BrokenLogError):
        Log(filled)


def test_a_key_of_somebody_elses(filled: Site) -> None:
    fingerprint = signer(filled).fingerprint
    shutil.rmtree(filled.root / "keys")
    signer(filled).make()
    assert "anchor" in problems(filled)
    told = [problem.what for problem in verify(filled, key=fingerprint).problems]
    assert "the log's key is another than was told" in told


def test_an_anchor_that_a_killed_writer_tore_is_no_problem(filled: Site) -> None:
    (anchors,) = filled.anchors.iterdir()
    with anchors.open("ab") as file:
        file.write(anchors.read_bytes().splitlines()[-1][:100])
    with Log(filled) as log:
        log.append([execute("x")])
    found: Verified = verify(filled)
    assert found.problems == []
    assert found.anchored == 31
    assert found.notes == [f"{anchors.name}: a line that is no anchor"]


def test_records_after_the_last_anchor_are_told_of(log: Log, site: Site) -> None:
    log.append([execute("x"), execute("y")])
    assert verify(site).notes == ["the last 2 records are not anchored yet: only the chain holds them"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_byte_of_whatever_file_changes_it_is_found(filled: Site, data: st.DataObject) -> None:
    files = [
        *sorted(filled.audit.glob("audit-*.jsonl")),
        filled.audit / "head.json",
        *filled.anchors.iterdir(),
    ]
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "delete", "cut", "double"]))
    if how == "flip":
        changed = (
            content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
        )
    elif how == "delete":
        changed = content[:place] + content[place + 1 :]
    elif how == "cut":
        changed = content[:place]
    else:
        changed = content[:place] + content[place : place + 1] + content[place:]
    path.write_bytes(changed)
    try:
        # The newline at a file's end says nothing: an anchor without it is whole.
        assert verify(filled).problems or changed.rstrip(b"\n") == content.rstrip(b"\n")
    finally:
        path.write_bytes(content)
