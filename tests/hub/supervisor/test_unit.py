"""The units for systemd: understood by systemd itself, and as closed as what they do allows."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

# Of 10, as `systemd-analyze security` counts. The hub needs namespaces and a whole /proc for sandboxes; what
# closes workspaces becomes the accounts whose they are.
EXPOSED = {
    "sundbench": 3.5,
    "sundbench-backup": 2.5,
    "sundbench-drill": 2.5,
    "sundbench-permits": 3.0,
    "sundbench-verify": 2.0,
}


@pytest.fixture(scope="module")
def units(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, on a machine that lacks the programs and accounts of theirs."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is not installed: install Debian's package systemd")
        pytest.skip("systemd-analyze is not installed: install Debian's package systemd")
    folder = tmp_path_factory.mktemp("units")
    for file in (repository / "hub_config" / "systemd").glob("*.[st]*"):
        if file.is_file():
            text = file.read_text().replace("/opt/sundbench/current/.venv/bin/sundbench", "/bin/true")
            (folder / file.name).write_text(text.replace("User=sundbench", "User=root"))
    return folder


def test_systemd_understands_them(units: Path):
    files = sorted(units.glob("*.service")) + sorted(units.glob("*.timer"))
    assert len(files) == 9
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"},
    )  # fmt: skip
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("name", EXPOSED)
def test_they_are_as_closed_as_they_can_be(units: Path, repository: Path, name: str):
    # Apart from its drop-in, and with the account that it has.
    unit = shutil.copy(repository / "hub_config" / "systemd" / f"{name}.service", units.parent)
    limit = f"--threshold={EXPOSED[name] * 10:.0f}"
    command = ["systemd-analyze", "security", "--offline=yes", limit, unit]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout[-300:]


def test_the_supervisor_ends_by_its_own_rules(units: Path):
    text = (units / "sundbench.service").read_text()
    # It would run when the supervisor was killed, and end the servers that the next one takes over.
    assert not re.search(r"^ExecStop", text, re.MULTILINE)
    assert "KillMode=process" in text
