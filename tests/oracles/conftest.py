"""Reading the oracles: data and numbers made by other people's software."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def oracle(oracles: Path) -> Callable[[str], tuple[Path, Any]]:
    """The folder and expected.json of an oracle, by name."""

    def read(name: str) -> tuple[Path, Any]:
        folder = oracles / name
        return folder, json.loads((folder / "expected.json").read_text())

    return read
