"""``sundbench synthesize``: one command, one folder."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sundbench.cli.main import app


def test_it_writes_a_delivery_and_says_what_is_not_danish_about_it(tmp_path: Path):
    out = tmp_path / "first"
    asked = ["--persons", "50", "--years", "2020", "--seed", "3", "--workers", "1"]
    result = CliRunner().invoke(app, ["synthesize", *asked, str(out)])
    assert result.exit_code == 0, result.output
    assert "rows of" in result.output
    assert "Invented persons" in result.output
    assert json.loads((out / "truth.json").read_text())["synthesis"]["seed"] == 3


def test_years_that_are_none_are_wrong_usage(tmp_path: Path):
    result = CliRunner().invoke(app, ["synthesize", "--years", "lately", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "1995-2025" in result.output
