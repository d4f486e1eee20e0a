"""How commands end."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from sundbench.cli import main as entry
from sundbench.errors import StoreError


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "stopped: what was not finished counts for nothing"),
        (SystemExit(130), 130, "stopped: what was not finished counts for nothing"),
        (StoreError("no [freeze] 2026"), 1, "error: no [freeze] 2026"),
    ],
    ids=["Ctrl-C", "Ctrl-C as typer tells it", "what the user can mend"],
)
def test_what_ends_a_command_is_one_line(
    raised: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def ends() -> None:
        raise raised

    monkeypatch.setattr(entry, "app", ends)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_no_word_of_a_help_text_is_lost() -> None:
    """Rich takes ``[word]`` for markup, and leaves out what it doesn't know."""
    texts = list(_help(get_command(entry.app), "sundbench"))
    assert len(texts) > 100
    assert not [where for where, text in texts if re.search(r"(?<!\\)\[[a-z]", text)]


def _help(command: Any, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    for below, each in getattr(command, "commands", {}).items():
        yield from _help(each, f"{name} {below}")
