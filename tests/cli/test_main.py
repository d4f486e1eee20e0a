"""How commands end."""

import pytest

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
