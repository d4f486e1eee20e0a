"""Which account of the provider's a name belongs to: ``<home>/hub/identities.json``.

A name is what people and directories change; a subject is the provider's for ever (OpenID Connect Core 1.0,
section 2). Once bound, a name lets in no other account, and an account goes by no other name: neither
somebody who was given a former colleague's name, nor somebody who gives themselves another's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub import json_file
from sundbench.hub.oidc import refusals
from sundbench.site import Site

_MEND = "restore it, or remove it: then each name belongs to the first account that logs in with it"


def path(site: Site) -> Path:
    """Where they are kept."""
    return site.hub / "identities.json"


def require(site: Site, user: str, issuer: str, subject: str, *, bind_first: bool) -> None:
    """Refuse a log-in whose name and account don't belong together; bind them where neither is bound.

    Args:
        site: the installation.
        user: the name.
        issuer: whose account it is.
        subject: the provider's own name for the account.
        bind_first: false: refuse a name that isn't bound.

    Raises:
        Refused: they don't.
        HubError: the file is damaged.
    """
    with json_file.alone(path(site)):
        bound = json_file.read(path(site), _MEND)
        account = [issuer, subject]
        if (found := bound.get(user)) is not None:
            if found["account"] != account:
                raise refusals.another_account()
            return
        if not bind_first or any(one["account"] == account for one in bound.values()):
            raise refusals.another_account()
        _put(site, bound, user, account)


def bind(site: Site, user: str, issuer: str, subject: str) -> None:
    """Give a name to an account, instead of the one that it belonged to.

    Raises:
        HubError: the account goes by another name, or the file is damaged.
    """
    with json_file.alone(path(site)):
        bound = json_file.read(path(site), _MEND)
        account = [issuer, subject]
        others = [name for name, one in bound.items() if one["account"] == account and name != user]
        if others:
            raise HubError(
                f"that account goes by the name {others[0]}: sundbench hub identity {others[0]} --remove"
            )
        _put(site, bound, user, account)


def release(site: Site, user: str) -> None:
    """Let a name belong to no account.

    Raises:
        HubError: the file is damaged.
    """
    with json_file.alone(path(site)):
        bound = json_file.read(path(site), _MEND)
        json_file.write(path(site), {name: one for name, one in bound.items() if name != user})


def account(site: Site, user: str) -> tuple[str, str] | None:
    """Issuer and subject of the account that a name belongs to.

    Raises:
        HubError: the file is damaged.
    """
    found = json_file.read(path(site), _MEND).get(user)
    return None if found is None else (found["account"][0], found["account"][1])


def _put(site: Site, bound: dict[str, dict[str, object]], user: str, account: list[str]) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    json_file.write(path(site), {**bound, user: {"account": account, "since": since}})
