"""docs/security.md promises tests: each of them exists."""

import re
from pathlib import Path

import pytest


def test_every_test_that_the_page_names_exists(repository: Path) -> None:
    page = (repository / "docs/security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (repository / file).is_file() or f"def {test}(" not in (repository / file).read_text()
    ]
    assert len(named) > 50
    assert not missing


@pytest.mark.parametrize("letter", "abcdef")
def test_article_73_is_answered_letter_by_letter(repository: Path, letter: str) -> None:
    page = (repository / "docs/security.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| 1 \({letter}\) \|.*`tests/", page, re.MULTILINE)
