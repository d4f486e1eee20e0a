"""What the hub counts besides what JupyterHub counts: for Prometheus, at ``/hub/metrics``."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter, Gauge

SERVICE = "metrics"
"""The name of the service by whose token (``<home>/hub/secrets/metrics``) Prometheus reads them."""

LOG_INS = Counter(
    "sundbench_log_ins_total",
    "Log-ins that were tried, by what became of them: admitted, or the refusal's reason",
    ["outcome"],
)
OUTCOMES = (
    *("admitted", "password", "too-many-attempts"),
    *("provider", "stale", "declined", "token", "second-factor"),
    *("group", "name", "not-registered", "another-account"),
)
for _outcome in OUTCOMES:
    LOG_INS.labels(_outcome)  # from 0 on: one that appeared with its first would be no increase to Prometheus
DATABASE_AWAY = Counter(
    "sundbench_database_away_total", "Requests that were refused because the hub's database didn't answer"
)
AUDIT_OWED = Gauge(
    "sundbench_audit_records_owed", "Records of what happened that wait for the audit log's writer"
)
UNKNOWN_JOBS = Counter(
    "sundbench_unknown_jobs_total", "Jobs under projects' accounts that nobody here had begun, and were ended"
)


def service(token: str) -> dict[str, Any]:
    """The entry in JupyterHub's ``services``."""
    return {"name": SERVICE, "api_token": token, "display": False}


def role() -> dict[str, Any]:
    """What it may do."""
    return {
        "name": "metrics-reader",
        "description": "To read figures about everybody's work",
        "scopes": ["read:metrics"],
        "services": [SERVICE],
    }
