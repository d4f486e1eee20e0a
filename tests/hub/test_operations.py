"""What an operator does with a hub that people use: look at its figures, change its secrets."""

from __future__ import annotations

import inspect
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.hub.installation import (
    PEOPLE,
    PERMITS,
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
    eventually(lambda: "sundbench_audit_records_owed 0.0" not in figures(operated, token).text)
    operated.start_writer()
    eventually(lambda: "sundbench_audit_records_owed 0.0" in figures(operated, token).text)


def test_alerts_ask_for_figures_that_there_are(operated: Platform, repository: Path):
    """And name the alert on the operators' page; node_exporter's figures are its own."""
    rikke = operated.visitor("rikke")
    rikke.start("lung-cancer")
    text = figures(operated, (operated.site.hub / "secrets" / "metrics").read_text()).text
    there = set(re.findall(r"^(\w+)(?:\{| )", text, re.MULTILINE)) | {"up"}
    outcomes = set(re.findall(r'sundbench_log_ins_total{outcome="([\w-]+)"', text))
    assert outcomes == {"admitted"} | _refusals(), "each from 0 on: its first is an increase"
    page = (repository / "docs" / "operators.md").read_text()
    (group,) = yaml.safe_load((repository / "hub_config" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        asked = set(re.findall(r"\b(?:up|[a-z]+(?:_[a-z]+)+)\b(?=\{|\[| |$|\))", rule["expr"]))
        assert asked, rule
        assert {one for one in asked if not one.startswith("node_")} <= there
        named = re.findall(r'outcome=~?"([\w|-]+)"', rule["expr"])
        assert {one for names in named for one in names.split("|")} <= outcomes
        assert f"`{rule['alert']}`" in page
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_figures_name_nobody_and_no_project(operated: Platform):
    rikke = operated.visitor("rikke")
    rikke.start("lung-cancer")
    rikke.get("user/rikke/lung-cancer/")
    text = figures(operated, (operated.site.hub / "secrets" / "metrics").read_text()).text
    assert "jupyterhub_request_duration_seconds" in text
    labels = " ".join(re.findall(r'="([^"]*)"', text))
    assert not {*PEOPLE, *PERMITS} & set(re.findall(r"[\w-]+", labels))


def _refusals() -> set[str]:
    """All reasons for which a log-in may be refused."""
    from sundbench.hub.oidc import refusals

    return set(re.findall(r'"([a-z-]+)"', inspect.getsource(refusals))) | {"password", "too-many-attempts"}


def test_secrets_are_changed_and_nobody_notices(operated: Platform):
    """All but the cookies' (tests/operations): servers go on, and nobody is logged out."""
    rikke = operated.visitor("rikke")
    rikke.start("lung-cancer")
    secrets = [
        operated.site.hub / "secrets" / name for name in ("proxy", "auth-state", "metrics", "supervisor")
    ]
    before = [secret.read_text() for secret in secrets]
    assert operated.hub is not None
    operated.hub.terminate()
    operated.hub.wait(30)
    for secret in secrets:
        secret.unlink()
    operated.start_hub()

    assert not set(before) & {secret.read_text() for secret in secrets}
    assert "/hub/login" not in rikke.get("hub/home").url
    assert rikke.state("lung-cancer") == "running"
    assert rikke.get("user/rikke/lung-cancer/").ok
    rikke.stop("lung-cancer")
    eventually(lambda: rikke.state("lung-cancer") == "stopped")
