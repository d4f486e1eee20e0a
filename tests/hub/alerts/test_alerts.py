"""The rules of alerts, tried by Prometheus's own promtool on figures that rise and stay."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

CASES = Path(__file__).with_name("cases.yml")


def test_each_alert_fires_on_what_it_is_for_and_not_before(repository: Path):
    promtool = shutil.which("promtool")
    if promtool is None:
        message = "no promtool: make system"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    (group,) = yaml.safe_load((repository / "hub_config" / "alerts.yml").read_text())["groups"]
    tried = CASES.read_text()
    assert [rule["alert"] for rule in group["rules"] if f'"{rule["alert"]}"' not in tried] == []
    done = subprocess.run(
        [promtool, "test", "rules", CASES.name], cwd=CASES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
