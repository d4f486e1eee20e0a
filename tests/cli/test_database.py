"""URLs of databases that commands take: none may hold a password, which everybody could read in `ps`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundbench.cli.main import app
from sundbench.errors import HubError


@pytest.mark.parametrize(
    "command",
    [
        ["database", "move", "--governance"],
        ["database", "move", "--hub", "postgresql://ida@db/hub", "--governance"],
        ["database", "move", "--hub"],
        ["backup", "drill", "backup", "--scratch-database"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("url", ["postgresql://ida:hunter2@db/x", "postgresql://ida@db/x?password=hunter2"])
def test_a_password_among_the_arguments_is_refused_before_anything_is_done(
    tmp_path: Path, command: list[str], url: str
) -> None:
    done = CliRunner().invoke(app, ["--home", str(tmp_path), *command, url])
    assert isinstance(done.exception, HubError)
    said = str(done.exception)
    assert "passfile=" in said
    assert "hunter2" not in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())
