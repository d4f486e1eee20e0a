"""The command as people run it, in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sundbench.cli.main import main
from sundbench.cli.screen import screen


@pytest.fixture
def sundbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command; returns exit code, standard output and standard error."""
    monkeypatch.setenv("SUNDBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SUNDBENCH_VAULT_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("SUNDBENCH_USER", "ann")
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    monkeypatch.setattr(screen, "_width", 200)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sundbench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
