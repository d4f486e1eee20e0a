"""An outbox to write to, and the check's lines on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.release.outputs import Outputs


@pytest.fixture
def out(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


@pytest.fixture
def stopped(out: Outputs) -> Callable[..., str]:
    """The findings that stop a release, as one text; empty when all may leave."""

    def lines(name: str = "default") -> str:
        return "\n".join(finding.line for finding in check(out.folder, profile(name)) if finding.blocks)

    return lines
