"""The unit for systemd that the operators' page gives."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


def test_systemd_understands_the_unit(repository: Path, tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is not installed: install Debian's package systemd")
        pytest.skip("systemd-analyze is not installed: install Debian's package systemd")
    page = (repository / "docs" / "operators.md").read_text(encoding="utf-8")
    (unit,) = re.findall(r"^```ini\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    here = unit.replace("/opt/sundbench/.venv/bin/sundbench", "/bin/true").replace(
        "User=sundbench", "User=root"
    )
    file = tmp_path / "sundbench.service"
    file.write_text(here, encoding="utf-8")

    said = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stderr) == (0, "")
    # It would run when the supervisor was killed, and end the servers that the next one takes over.
    assert "ExecStop" not in unit
