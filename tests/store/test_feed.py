"""CSV comes to DuckDB through a pipe: in plain files DuckDB 2.0 loses its place when memory is short."""

import threading
from pathlib import Path

import duckdb
import pytest

from sundbench.errors import DeliveryError
from sundbench.registers.delivery import Settings, SourceFile
from sundbench.registers.formats import csv_table
from sundbench.store import feed


def test_a_pipe_gives_the_bytes_once_and_is_gone_afterwards(tmp_path: Path) -> None:
    source = tmp_path / "lmdb.csv"
    source.write_bytes(bytes(range(256)) * 10_000)
    with feed.fed(source, tmp_path) as pipe:
        assert pipe.read_bytes() == source.read_bytes()
    assert list(tmp_path.iterdir()) == [source]


def test_a_reader_that_never_comes_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "lmdb.csv").write_text("pnr,eksd\n")
    with (
        pytest.raises(RuntimeError, match=r"^lmdb\.csv: was not read to its end"),
        feed.fed(tmp_path / "lmdb.csv", tmp_path),
    ):
        pass


def test_a_reader_that_stops_halfway_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "lmdb.csv").write_bytes(b"x" * 5_000_000)
    with (
        pytest.raises(RuntimeError, match="was not read to its end"),
        feed.fed(tmp_path / "lmdb.csv", tmp_path) as pipe,
        pipe.open("rb") as reader,
    ):
        assert reader.read(10) == b"x" * 10


def test_the_readers_own_error_comes_through(tmp_path: Path) -> None:
    (tmp_path / "lmdb.csv").write_bytes(b"x" * 5_000_000)
    with (
        pytest.raises(ZeroDivisionError),
        feed.fed(tmp_path / "lmdb.csv", tmp_path) as pipe,
        pipe.open("rb"),
    ):
        _ = 1 / 0
    assert "feed lmdb.csv" not in {thread.name for thread in threading.enumerate()}


def test_a_file_that_can_t_be_read_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(DeliveryError, match=r"^lmdb\.csv: can't be read to its end: No such file"),
        feed.fed(tmp_path / "lmdb.csv", tmp_path),
    ):
        pass


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_no_row_is_lost_and_nothing_crashes_where_memory_is_short(tmp_path: Path, encoding: str) -> None:
    """Read without the pipe, this file in Latin-1 loses rows, and in UTF-8 may end DuckDB altogether."""
    rows = 60_000
    source = tmp_path / "lmdb.csv"
    lines = "".join(f'{row:010d},"B01AF{row % 10}","å ""{row}"""\n' for row in range(rows))
    source.write_bytes(("pnr,atc,text\n" + lines).encode(encoding))
    table = csv_table(SourceFile(source, "lmdb", "csv"), Settings())
    assert table.text is not None
    assert table.text.encoding == encoding
    settings = {"threads": 4, "memory_limit": "60MB", "temp_directory": str(tmp_path / "spill")}
    with duckdb.connect(config={**settings, "preserve_insertion_order": False}) as db:
        sorting, done = db.cursor(), threading.Event()

        def take_memory() -> None:
            while not done.is_set():
                sorting.execute(
                    "CREATE OR REPLACE TEMP TABLE sorted AS SELECT range, md5(range::VARCHAR) AS digest"
                    " FROM range(400000) ORDER BY digest"
                )

        beside = threading.Thread(target=take_memory)
        beside.start()
        try:
            for _ in range(3):
                with feed.fed(source, tmp_path) as pipe:
                    pieces = ", buffer_size=100000, max_line_size=1000)"
                    small = table.through(pipe).relation.removesuffix(")") + pieces
                    found = db.execute(
                        f"SELECT count(*), count(DISTINCT text), sum(length(text)) FROM {small}"
                    ).fetchone()
                assert found == (rows, rows, sum(len(f'å "{row}"') for row in range(rows)))
        finally:
            done.set()
            beside.join()
