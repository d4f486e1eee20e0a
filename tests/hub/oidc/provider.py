"""A small identity provider that can lie: over HTTP, with signatures, codes for one use, PKCE.

That the hub works with somebody else's provider is shown in test_in_a_browser.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "sundbench", "a secret + with / signs"
CODE = "271828"
"""What everybody's second factor shows."""

PAGE = """<!DOCTYPE html><html lang="en"><title>The region's log-in</title>
<link rel="icon" href="data:,"><h1>The region's log-in</h1>
<form method="post"><label>Name <input name="name"></label>
<label>Code of the app, if you have it <input name="code"></label><button>Go on</button></form>"""


def jwk(key: RSAPrivateKey, kid: str) -> dict[str, Any]:
    """The public half of a key, as providers publish it."""
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "use": "sig"}


@dataclass
class Provider:
    """What it says, and to whom.

    Attributes:
        person: the claims of whoever logs in next.
        lie: changes an ID token's claims before they are signed.
        sign: makes the token; tests put forgers here.
        disabled: subjects whose sessions are over.
        asked: the requests that came, path and form.
        shows_a_page: ask people who they are; else whoever it is has proved it already.
    """

    person: dict[str, Any] = field(default_factory=dict)
    lie: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    sign: Callable[[dict[str, Any]], str] | None = None
    disabled: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    kid: str = "one"
    secret: str = SECRET
    shows_a_page: bool = False
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, port: int = 0) -> None:
        """Answer, at a port."""
        provider = self

        class Handler(_Handler):
            of = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"http://127.0.0.1:{self.port}"

    def signed(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token as it should be."""
        return jwt.encode(dict(claims), self.key, "RS256", headers={"kid": self.kid, **header})

    def is_(self, sub: str, name: str, **claims: Any) -> None:
        """Say who logs in next."""
        usual = {"acr": "urn:two", "groups": ["sundbench"], "auth_time": int(time.time())}
        self.person = {"sub": sub, "preferred_username": name, **usual, **claims}

    def token(self, form: dict[str, str], client: tuple[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        if client != (CLIENT, self.secret):
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            found = self._tokens.pop(form["refresh_token"], None)  # for one use
            if found is None or found["sub"] in self.disabled:
                return 400, {"error": "invalid_grant"}
            return 200, self._given(found, None)
        begun = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            begun is None
            or begun["redirect_uri"] != form["redirect_uri"]
            or begun["code_challenge"] != challenge.decode().rstrip("=")
        ):
            return 400, {"error": "invalid_grant"}
        return 200, self._given(begun["person"], begun["nonce"])

    def _given(self, person: dict[str, Any], nonce: str | None) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **person}
        if nonce is not None:
            claims["nonce"] = nonce
        refresh = secrets.token_urlsafe(16)
        self._tokens[refresh] = person
        id_token = (self.sign or self.signed)(self.lie(claims) if self.lie else claims)
        return {
            "access_token": "x",
            "token_type": "Bearer",
            "id_token": id_token,
            "refresh_token": refresh,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """The authorization endpoint: where the browser goes next, with the person's code."""
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "person": dict(self.person)}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def description(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "end_session_endpoint": f"{self.issuer}/logout",
        }


class _Handler(BaseHTTPRequestHandler):
    of: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        self.of.asked.append((parts.path, asked))
        match parts.path:
            case "/.well-known/openid-configuration":
                self._json(200, self.of.description())
            case "/keys":
                self._json(200, {"keys": [jwk(self.of.key, self.of.kid)]})
            case "/authorize" if self.of.shows_a_page:
                self._answer(200, "text/html; charset=utf-8", PAGE.encode())
            case "/authorize":
                self._redirect(self.of.authorize(asked))
            case "/logout":
                self._redirect(asked["post_logout_redirect_uri"])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.of.asked.append((self.path, form))
        if self.path.startswith("/authorize?"):
            self.of.is_(
                f"s-{form['name']}", form["name"], acr=f"urn:{'two' if form.get('code') == CODE else 'one'}"
            )
            self._redirect(self.of.authorize(dict(parse_qsl(urlsplit(self.path).query))))
            return
        kind, _, shown = self.headers.get("Authorization", "").partition(" ")
        assert kind == "Basic"
        client, _, secret = base64.b64decode(shown).decode().partition(":")
        if self.path == "/revoke":
            self.of._tokens.pop(form["token"], None)
            self._json(200, {})
        else:
            self._json(*self.of.token(form, (unquote_plus(client), unquote_plus(secret))))

    def _json(self, status: int, content: Any) -> None:
        self._answer(status, "application/json", json.dumps(content).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
