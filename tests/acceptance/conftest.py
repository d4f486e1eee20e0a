"""One demo for all acceptance tests: the whole way on 8,000 invented persons, by the command itself."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE = pytest.mark.timeout(900)
"""The demo is a minute's work of one core, of which several workers leave it a share."""


class Demo(NamedTuple):
    home: Path
    output: str


def sundbench(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("sundbench")
    return subprocess.run(
        [command, "--home", home, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("acceptance") / "home"
    done = sundbench("demo", "--persons", 8000, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(home, done.stdout)
