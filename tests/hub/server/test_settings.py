"""What a server is told, and that nobody else hears it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sundbench.errors import HubError
from sundbench.hub.server.__main__ import enter
from sundbench.hub.server.settings import Rules, Settings, read
from sundbench.hub.settings import Settings as Operator

CONTENT = {
    "user": "anna",
    "project": "lung-cancer",
    "title": {"da": "Lungekræft", "en": "Lung cancer"},
    "environment": {"JUPYTERHUB_API_TOKEN": "t0ken"},
    "audit_secret": "s3cret",
    "kernels": "/run/sundbench/jupyter/kernels",
    "lab": "/run/sundbench/lab",
    "rules": Rules.of(Operator()).model_dump(),
}


def pipe(content: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


def test_settings_come_through_a_descriptor() -> None:
    descriptor = pipe(json.dumps(CONTENT).encode())

    assert read(descriptor).audit_secret == "s3cret"
    with pytest.raises(OSError):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    "content", [b"", b"{}", json.dumps(CONTENT | {"audit_secret": 7, "more": "s3cret"}).encode()]
)
def test_what_is_wrong_is_said_without_repeating_it(content: bytes) -> None:
    with pytest.raises(HubError) as refused:
        read(pipe(content))

    assert "s3cret" not in str(refused.value)


def test_no_environment_shows_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process sets for itself isn't what /proc shows of it; what Jupyter would read is taken away."""
    for name in list(os.environ):
        monkeypatch.setenv(name, os.environ[name])
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/notebooks")

    enter(Settings.model_validate(CONTENT))

    assert os.environ["JUPYTERHUB_API_TOKEN"] == "t0ken"
    assert "JUPYTER_CONFIG_PATH" not in os.environ
    assert b"t0ken" not in Path("/proc/self/environ").read_bytes()
    for name in list(os.environ):
        if name.startswith(("JUPYTER", "JPY", "IPYTHON")):
            monkeypatch.delenv(name)


def test_a_server_finds_no_program_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert shutil.which("sh")

    enter(Settings.model_validate(CONTENT))

    assert not shutil.which("sh")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["-m", "sundbench.hub.server", "0"], "python -I"),
        (["-I", "-m", "sundbench.hub.server"], "one argument"),
        (["-I", "-m", "sundbench.hub.server", "0"], "settings"),
    ],
)
def test_the_program_says_in_one_line_how_it_is_started(command: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, *command], input=b"", capture_output=True, check=False)

    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_server_does_not_wait_for_a_grammar_that_nothing_needs(tmp_path: Path) -> None:
    (tmp_path / "rfc3987_syntax.py").write_text("print('built')")
    begin = "from sundbench.hub.lean import spare_grammar; spare_grammar(); "
    told = [
        subprocess.run(
            [sys.executable, "-c", f"{first}import sundbench.hub.server.extension"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for first in ("", begin)
    ]
    assert told[0].startswith("built"), "where it is installed, it is built"
    assert told[1] == ""
