"""What an operator does with a hub that people use: look at its figures, change its secrets."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.hub.installation import (
    STAND_IN_ARGUMENTS,
    Platform,
    Visitor,
    at_work,
    eventually,
    make_platform,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def operated() -> Iterator[Platform]:
    """A hub of its own, whose secrets are changed."""
    made = make_platform(Path(tempfile.mkdtemp(prefix="sb-ops-")), STAND_IN_ARGUMENTS)
    with at_work(made):
        yield made


def figures(platform: Platform, token: str) -> requests.Response:
    headers = {"Authorization": f"token {token}"}
    return requests.get(f"{platform.url}hub/metrics", headers=headers, timeout=10)


def test_figures_for_prometheus(operated: Platform):
    rikke = operated.visitor("rikke")
    Visitor(operated.url).log_in("rikke", "not her password")
    token = (operated.site.hub / "secrets" / "metrics").read_text()

    text = figures(operated, token).text

    assert 'sundbench_log_ins_total{outcome="admitted"}' in text
    assert 'sundbench_log_ins_total{outcome="password"} 1.0' in text
    assert "sundbench_audit_records_owed 0.0" in text
    assert "jupyterhub_running_servers" in text
    assert figures(operated, "x").status_code == 403
    assert rikke.get("hub/metrics").status_code == 403
    for path in ("users", "proxy", "services", "users/rikke"):
        answer = requests.get(
            f"{operated.url}hub/api/{path}", headers={"Authorization": f"token {token}"}, timeout=10
        )
        assert answer.status_code in {403, 404}, "it reads figures and nothing else"

    operated.kill("writer")
    rikke.get("hub/logout")
    eventually(lambda: "sundbench_audit_records_owed 0.0" not in figures(operated, token).text, 20)
    operated.start_writer()
    eventually(lambda: "sundbench_audit_records_owed 0.0" in figures(operated, token).text, 20)


@pytest.mark.parametrize("names", [("proxy", "auth-state", "metrics", "supervisor"), ("cookie",)])
def test_secrets_are_changed_and_servers_go_on(operated: Platform, names: tuple[str, ...]):
    """Stop the hub, remove them, bring its database up to date, which changes nothing here, and start it."""
    rikke = operated.visitor("rikke")
    rikke.start("lung-cancer")
    secrets = [operated.site.hub / "secrets" / name for name in names]
    before = [secret.read_text() for secret in secrets]
    assert operated.hub is not None
    operated.hub.terminate()
    operated.hub.wait(30)
    for secret in secrets:
        secret.unlink()
    config = operated.command[operated.command.index("--config") + 1]
    command = [sys.executable, "-m", "jupyterhub", "upgrade-db", "--config", config]
    subprocess.run(command, env=operated.environment, cwd=operated.site.hub, check=True, timeout=60)
    operated.start_hub()

    assert not set(before) & {secret.read_text() for secret in secrets}
    logged_out = "/hub/login" in rikke.get("hub/home").url
    assert logged_out is ("cookie" in names), "the cookies' secret alone logs people out"
    again = operated.visitor("rikke")
    assert again.state("lung-cancer") == "running"
    assert again.get("user/rikke/lung-cancer/").ok
    again.stop("lung-cancer")
    eventually(lambda: again.state("lung-cancer") == "stopped")
