"""A secret is made once, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sundbench.governance.once import make_once


def test_of_many_the_first_one_s_content_stays_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with ThreadPoolExecutor(8) as together:
        list(together.map(lambda number: make_once(path, bytes([number]) * 1000), range(64)))
    content = path.read_bytes()
    assert content == content[:1] * 1000
    make_once(path, b"later")
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
    assert path.stat().st_mode & 0o777 == 0o600
