"""Sandboxes to attack: started by root, and by an account without rights, where the tests run as root."""

import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sundbench.sandbox import cgroups

STRANGER = 23456
"""An account that the machine doesn't know."""

# env, because setpriv itself may still look into root's folders when it starts its program
DROPPED = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "--", "env"]

LIMITS = {
    "memory": "96 MiB", "cores": 1, "processes": 24, "cpu_seconds": 60,
    "file_size": "8 MiB", "disk": "16 MiB", "tmp": "16 MiB",
}  # fmt: skip

FOLDERS = ("extract", "notebooks", "scratch", "outbox", "sockets")


@dataclass
class Outcome:
    code: int | None
    ending: str
    said: str
    enforcement: dict[str, str]


@dataclass
class Attacker:
    """Runs Python code in a sandbox of the policy register-data that someone starts."""

    who: str
    python: str
    folder: Path
    repository: Path
    elsewhere: dict[str, str] = field(default_factory=dict)

    def with_mounts(self, **elsewhere: str) -> "Attacker":
        """The same with some folders elsewhere."""
        return replace(self, elsewhere=elsewhere)

    def environment(self) -> dict[str, str]:
        paths = [str(self.repository), *site.getsitepackages()]
        return {"PYTHONPATH": ":".join(paths), "SECRET_OF_STARTER": "hunter2", "PATH": os.environ["PATH"]}

    def mounts(self) -> dict[str, str]:
        return {name: str(self.folder / name) for name in FOLDERS} | self.elsewhere

    def start(self, code: str, **more: Any) -> subprocess.Popen[str]:
        asked = {
            "policy": str(self.repository / "kernels" / "register-data"),
            "argv": [self.python, "-I", "-S", "-c", code],
            "mounts": self.mounts(),
            "environment": {"SUNDBENCH_PROJECT": "lung-cancer"},
            "limits": {**LIMITS, **more.pop("limits", {})},
            "folder_of_leak": more.pop("folder_of_leak", None),
            "print_pid": more.pop("print_pid", False),
            "patience": more.pop("patience", 20),
        }  # fmt: skip
        assert not more
        process = subprocess.Popen(
            [*(DROPPED if self.who == "stranger" else []), self.python, Path(__file__).parent / "starter.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=self.environment(),
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        process.stdin = None
        return process

    def __call__(self, code: str, **more: Any) -> Outcome:
        out, errors = self.start(code, **more).communicate(timeout=60)
        assert out, errors
        return Outcome(**json.loads(out.splitlines()[-1]))


def _python_for_strangers(repository: Path) -> str | None:
    """An interpreter that an account without rights can run Sundbench with."""
    environment = {"PYTHONPATH": ":".join([str(repository), *site.getsitepackages()])}
    for python in (sys.executable, "/usr/bin/python3.11"):
        try:
            tried = subprocess.run(
                [*DROPPED, python, "-c", "import sundbench.sandbox.launch"],
                env=environment,
                check=False,
                capture_output=True,
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    return None


@pytest.fixture(scope="session", autouse=True)
def works(sandboxes: None) -> None:
    """Everything here starts sandboxes."""


@pytest.fixture(scope="session", params=["root", "stranger"])
def attacker(request: pytest.FixtureRequest, repository: Path) -> Iterator[Attacker]:
    who, python = request.param, sys.executable
    if os.geteuid() != 0:
        if who == "root":
            pytest.skip("the tests don't run as root")
        who = "myself"
    if who == "stranger":
        found = _python_for_strangers(repository)
        if found is None:
            message = "no Python 3.11 that an account without rights can run: install Debian's python3"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
        python = found
    folder = Path(tempfile.mkdtemp(prefix="sundbench-sandbox-"))
    folder.chmod(0o755)
    for name in FOLDERS:
        (folder / name).mkdir()
        if who == "stranger":
            os.chown(folder / name, STRANGER, STRANGER)
    yield Attacker(who, python, folder, repository)
    shutil.rmtree(folder)
    for parent in set(tree.folders.values()) if (tree := cgroups.tree()) else ():
        cgroups._sweep(parent)  # starters that were killed left theirs


@pytest.fixture
def clean(attacker: Attacker) -> Attacker:
    """The attacker with empty folders."""
    for name in ("scratch", "outbox"):
        for entry in (attacker.folder / name).iterdir():
            entry.unlink() if not entry.is_dir() or entry.is_symlink() else shutil.rmtree(entry)
    return attacker
