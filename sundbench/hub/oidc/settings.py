"""The section ``[oidc]`` of the operator's settings."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from sundbench.hub.section import Section
from sundbench.registers.catalogue import Text

_LOOPBACK = {"127.0.0.1", "localhost"}


def is_safe(url: str) -> bool:
    """Whether what is sent there can't be read on the way: TLS, or this machine itself."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


class OidcSettings(Section):
    """How people log in through an identity provider.

    The client's secret is no setting: it is read from ``<home>/hub/secrets/oidc-client``.

    Attributes:
        issuer: the provider, as it calls itself in its tokens; its addresses are looked up below it. Empty:
            people have passwords that are kept here.
        client_id: what the provider calls this hub.
        name: what the log-in page calls the provider.
        scopes: asked for besides ``openid``.
        user_claim: the claim that names the person as governance does.
        user_domain: what the claim ends with after an ``@``, and governance's names don't; another end is
            refused. None: the claim is the name.
        groups_claim, required_group: only members of the group are let in; None: no group is asked for.
        acr: the levels of log-in that are enough (claim ``acr``); empty: not looked at.
        amr: methods of which a log-in must have used one (claim ``amr``); empty: not looked at.
        recent: demand that the person proved who they are within a session's hours (``max_age``), so that an
            older session at the provider lets nobody in.
        bind_first: a person's first log-in binds the provider's account to the name; false: a steward does it
            before.
        recheck_minutes: how often the provider is asked whether a session still holds, where it gives
            refresh tokens.
    """

    issuer: str = ""
    client_id: str = ""
    name: Text = Text(da="organisationens login", en="the organisation's log-in")
    scopes: tuple[str, ...] = ("profile",)
    user_claim: str = "preferred_username"
    user_domain: str | None = None
    groups_claim: str = "groups"
    required_group: str | None = None
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    recent: bool = True
    bind_first: bool = True
    recheck_minutes: float = Field(default=5, gt=0)

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, issuer: str) -> str:
        if issuer and not is_safe(issuer):
            raise ValueError("name the provider by https://")
        return issuer

    @model_validator(mode="after")
    def _known_there(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("client_id: say what the provider calls this hub")
        return self

    @property
    def used(self) -> bool:
        """Whether people log in through a provider."""
        return bool(self.issuer)

    @property
    def second_factor(self) -> bool:
        """Whether more than a password is demanded, as far as settings can say."""
        return bool(self.acr or self.amr)
