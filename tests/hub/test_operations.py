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


@pytest.mark.parametrize("name", ["cookie", "proxy", "auth-state", "metrics", "supervisor"])
def test_a_secret_is_changed_and_servers_go_on(operated: Platform, name: str):
    """Stop the hub, remove the secret, start the hub."""
    rikke = operated.visitor("rikke")
    rikke.start("lung-cancer")
    secret = operated.site.hub / "secrets" / name
    before = secret.read_text()
    assert operated.hub is not None
    operated.hub.terminate()
    operated.hub.wait(30)
    secret.unlink()
    operated.start_hub()

    assert secret.read_text() != before
    logged_out = "/hub/login" in rikke.get("hub/home").url
    assert logged_out is (name == "cookie"), "only the cookies' secret logs people out"
    again = operated.visitor("rikke")
    assert again.state("lung-cancer") == "running"
    assert again.get("user/rikke/lung-cancer/").ok
    again.stop("lung-cancer")
    eventually(lambda: again.state("lung-cancer") == "stopped")


def test_the_hub_s_database_is_brought_up_to_date(operated: Platform):
    """JupyterHub's own command, with the hub stopped; on a database that needs it not it changes nothing."""
    assert operated.hub is not None
    operated.hub.terminate()
    operated.hub.wait(30)
    config = operated.command[operated.command.index("--config") + 1]
    command = [sys.executable, "-m", "jupyterhub", "upgrade-db", "--config", config]
    subprocess.run(command, env=operated.environment, cwd=operated.site.hub, check=True, timeout=60)
    operated.start_hub()
    assert operated.visitor("rikke").get("hub/home").ok
