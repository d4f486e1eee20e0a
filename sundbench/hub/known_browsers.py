"""Browsers with which somebody has logged in before, known again by a signed cookie.

It opens nothing. It keeps whoever fails to log in under another's name from making that other person wait
(OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import secrets
from typing import Any

from jupyterhub.utils import url_path_join

_NAME, _DAYS = "sundbench-known", 90


def known(handler: Any, user: str) -> str:
    """What the browser was given when the user logged in with it; empty in another one."""
    given = handler.get_secure_cookie(_NAME, max_age_days=_DAYS) or b""
    whose, _, browser = given.decode().partition(" ")
    return browser if whose == user else ""


def remember(handler: Any, user: str, *, encrypted: bool) -> None:
    """Mark the browser as one with which the user has logged in.

    Args:
        handler: of the log-in.
        user: who it is.
        encrypted: browsers reach the hub over TLS.
    """
    handler.set_secure_cookie(
        _NAME,
        f"{user} {secrets.token_hex(8)}",
        expires_days=_DAYS,
        path=url_path_join(handler.hub.base_url, "login"),
        httponly=True,
        secure=encrypted,
        samesite="Lax",
    )
