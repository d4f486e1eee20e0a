"""The log as its one writer holds it: one at a time, nothing half, mended by rule."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import AuditError
from sundbench.governance.audit.log import BrokenLogError, BusyError, Log
from sundbench.governance.audit.record import Entry, Record
from sundbench.governance.audit.verify import verify
from sundbench.site import Site
from tests.governance.audit.conftest import execute


def lines(site: Site) -> list[Record]:
    return [
        Record.parse(line)
        for path in sorted(site.audit.glob("audit-*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def test_a_record_says_who_did_what_when_for_which_project(log: Log, site: Site) -> None:
    assert log.append([execute("print(1)")]) == [2]
    record = lines(site)[-1]
    assert (record.actor, record.permit, record.action, record.object) == (
        "anna",
        "lung",
        "execute",
        "kernel-1",
    )
    assert record.detail == {"code": "print(1)"}
    assert abs((datetime.now(UTC) - record.at).total_seconds()) < 60


texts = st.text(st.characters(), max_size=20)
details = st.dictionaries(texts, st.recursive(st.none() | st.integers() | texts, st.lists, max_leaves=5))


@given(texts, texts, details)
def test_what_is_written_is_read_again_and_is_plain_ascii(actor: str, thing: str, detail: dict[str, object]):
    record = Record.place(Entry(actor, "execute", thing, detail), 7, datetime.now(UTC), "0" * 64)
    line = record.line()
    assert line.isascii()
    assert b"\n" not in line
    assert Record.parse(line) == record


def test_a_clock_that_jumps_upsets_nothing(site: Site) -> None:
    """A day ahead, and set right again; an hour back over midnight, and over the end of a month."""
    hours = [0, 24, 24, 0, -1, 3, -1]
    for _ in range(2):  # and a writer that is started again in between goes on
        with patch("sundbench.governance.audit.log.datetime") as clock:
            clock.now.return_value = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
            with Log(site) as log:
                for hour in hours:
                    clock.now.return_value = datetime(2026, 11, 30, 22, 30, tzinfo=UTC) + timedelta(
                        hours=hour
                    )
                    log.append([execute(f"print({hour})")])
                    log.anchor()

    found = verify(site)
    assert found.problems == []
    assert found.anchors > 2 * len(hours)


def test_two_cannot_write_at_once(log: Log, site: Site) -> None:
    with pytest.raises(BusyError, match="another process writes it"):
        Log(site)


def test_a_second_writer_that_got_past_the_lock_is_noticed(log: Log, site: Site) -> None:
    (site.audit / "lock").unlink()
    with Log(site) as second:
        second.append([execute("x")])
    with pytest.raises(BrokenLogError, match="was changed by another process"):
        log.append([execute("y")])
    with pytest.raises(BrokenLogError):  # and it stays so
        log.append([execute("z")])
    assert [record.detail.get("code") for record in lines(site)] == [None, "x"]


@pytest.mark.parametrize("how", ["cut", "swapped", "removed"])
def test_a_file_that_changes_under_the_writer_stops_it(log: Log, site: Site, how: str) -> None:
    log.append([execute("x")])
    path = site.audit / "audit-000001.jsonl"
    content = path.read_bytes()
    if how == "cut":
        os.truncate(path, 10)
    else:
        path.unlink()
        if how == "swapped":
            path.write_bytes(content)
    with pytest.raises(BrokenLogError):
        log.append([execute("y")])


def test_segments_end_when_full_and_with_the_month(site: Site) -> None:
    with Log(site, segment_bytes=1000) as log:
        for number in range(6):
            log.append([execute(str(number))])
        with patch("sundbench.governance.audit.log.datetime") as clock:
            clock.now.return_value = datetime(2999, 1, 1, tzinfo=UTC)
            log.append([execute("in another month")])
    written = [len(path.read_bytes().splitlines()) for path in sorted(site.audit.glob("audit-*.jsonl"))]
    assert len(written) > 2
    assert (sum(written), written[-1]) == (8, 1)
    assert verify(site).problems == []


def crashed(site: Site, tail: bytes) -> Path:
    """A log whose writer died over records that it acknowledged to nobody."""
    with Log(site) as log:
        log.append([execute("acknowledged")])
    path = site.audit / "audit-000001.jsonl"
    with path.open("ab") as file:
        file.write(tail)
    return path


@pytest.mark.parametrize("tail", [b'{"sequence":3,"ti', b"{}", b"\0\0\0\0\n{}\n", b"\0" * 4096])
def test_what_a_dead_writer_left_is_told_put_aside_and_cut_off(site: Site, tail: bytes) -> None:
    crashed(site, tail)
    if b"\n" not in tail:
        assert "ends within a record" in verify(site).notes[0]
    with Log(site) as log:
        log.append([execute("afterwards")])
    found = verify(site)
    assert (found.problems, found.last) == ([], 4)
    repair = lines(site)[2]
    assert (repair.action, repair.detail["bytes"]) == ("audit.repair", len(tail))
    assert (site.audit / str(repair.detail["kept"])).read_bytes() == tail
    assert lines(site)[1].detail == {"code": "acknowledged"}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300))
def test_wherever_the_last_record_is_torn_the_acknowledged_ones_stay(cut: int) -> None:
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        site = Site(Path(folder), "")
        path = crashed(site, b"")
        last = path.read_bytes().splitlines()[-1]
        with path.open("ab") as file:
            file.write(last[:cut])
        with Log(site):
            pass
        assert [record.action for record in lines(site)] == ["audit.begin", "execute", "audit.repair"]
        assert verify(site).problems == []


def test_a_whole_line_that_is_wrong_is_no_torn_one(site: Site) -> None:
    crashed(site, b'{"sequence":3}\n')
    with pytest.raises(BrokenLogError, match=r"record 3 in audit-000001\.jsonl is not as it was written"):
        Log(site)


def test_a_writer_that_died_before_its_first_record(site: Site) -> None:
    site.audit.mkdir(parents=True)
    (site.audit / "audit-000001.jsonl").write_bytes(b'{"seq')
    with Log(site):
        pass
    assert verify(site).problems == []


def test_a_writer_that_died_over_a_new_segment(site: Site) -> None:
    crashed(site, b"")
    (site.audit / "audit-000002.jsonl").touch()
    with Log(site) as log:
        log.append([execute("x")])
    assert verify(site).problems == []
    assert (site.audit / "audit-000002.jsonl").stat().st_size


def test_a_disk_error_leaves_nothing_of_the_batch_and_ends_the_log(log: Log, site: Site) -> None:
    with (
        patch("os.fdatasync", side_effect=[OSError(errno.EIO, "Input/output error"), None]),
        pytest.raises(BrokenLogError, match="the disk fails"),
    ):
        log.append([execute("x")])
    assert len(lines(site)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; RLIMIT_FSIZE stands in for it in test_writer")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("file systems can't be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_clearly_and_leaves_no_half_record(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNDBENCH_ANCHORS", str(tmp_path / "anchors"))
    site = Site(tmp_path / "home", "")
    site.root.mkdir()
    site.audit.symlink_to(small_disk)
    ballast = small_disk / "ballast"
    with Log(site) as log:
        ballast.write_bytes(b"x" * 100_000)
        refused = ""
        while not refused:
            try:
                log.append([execute("x" * 3000)])
            except AuditError as error:
                refused = str(error)
        assert "disk is full" in refused
        assert "nothing may be done now: make room" in refused
        acknowledged = log.sequence
        assert len(lines(site)) == acknowledged
        ballast.unlink()
        assert log.append([execute("there is room again")]) == [acknowledged + 1]
    assert verify(site).problems == []


def test_anchors_that_cannot_be_written_are_told(log: Log, site: Site) -> None:
    log.append([execute("x")])
    with (
        patch("sundbench.governance.audit.heads.os.fsync", side_effect=OSError(errno.EROFS, "Read-only")),
        pytest.raises(AuditError, match="anchors can't be written"),
    ):
        log.anchor()
    assert log.anchored == 1
    head = log.anchor()
    assert head is not None
    assert head.sequence == 2
    assert verify(site).problems == []
