"""JupyterHub's own database: who is logged in, which servers run. What people may do is in governance's."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sundbench.hub.section import Section
from sundbench.site import Site

_PATIENCE: dict[str, int | str] = {
    # The hub does nothing else while it waits for its database: who is gone must be noticed soon.
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": "-c statement_timeout=20s -c lock_timeout=10s",
}
"""libpq's parameters, where the URL doesn't say otherwise."""


class DatabaseSettings(Section):
    """The section ``[database]`` of the operator's settings.

    Attributes:
        hub: URL of a PostgreSQL database; empty: SQLite in ``<home>/hub``. No password stands in it: libpq
            reads a password file (``?passfile=...`` or ``PGPASSFILE``), and refuses one that others can read.
    """

    hub: str = ""

    @field_validator("hub")
    @classmethod
    def _without_password(cls, hub: str) -> str:
        try:
            url = make_url(hub) if hub else None
        except ArgumentError:
            raise ValueError("no database URL: use postgresql://user@host/name") from None
        if url is None:
            return hub
        if url.get_backend_name() not in {"postgresql", "postgres"}:
            raise ValueError("use postgresql://user@host/name, or leave it empty for SQLite")
        if holds_password(url):
            raise ValueError("put the password into a file: ...?passfile=/etc/sundbench/pgpass")
        return url.set(drivername="postgresql+psycopg").render_as_string()


def holds_password(url: URL) -> bool:
    """Whether a password stands in a database's URL, in either of the places where libpq would take it."""
    return url.password is not None or "password" in url.query


def url(site: Site, settings: DatabaseSettings) -> str:
    """JupyterHub's ``db_url``."""
    return settings.hub or f"sqlite:///{site.hub / 'jupyterhub.sqlite'}"


def arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """JupyterHub's ``db_kwargs``."""
    if not settings.hub:
        return {}
    said = make_url(settings.hub).query
    return {"connect_args": {name: value for name, value in _PATIENCE.items() if name not in said}}
