"""Who is let in, and to what."""

import pytest

from sundbench.hub.server.authorizer import ALLOWED


def test_the_owner_is_let_in(running) -> None:
    assert running.json("GET", "api/me")["identity"]["username"] == "anna"


@pytest.mark.parametrize("user", ["bo", "root", "nobody"])
@pytest.mark.parametrize(
    "path", ["api/me", "api/contents", "lab", "api/kernels", "sundbench/state", "api/status"]
)
def test_nobody_else_is(running, user: str, path: str) -> None:
    """Not a user without scopes, and not an administrator whose scopes reach every server."""
    status, _, content = running.ask("GET", path, user=user)

    assert status in {302, 403}
    assert b"lung-cancer" not in content.replace(b"/user/anna/lung-cancer", b"")


def test_another_user_at_the_door_is_recorded(running) -> None:
    running.ask("GET", "api/contents", user="root")

    assert running.writer.last("request.refused", "GET")["detail"]["by"] == "root"


@pytest.mark.parametrize("path", ["api/contents", "api/kernels", "sundbench/state", "api/sessions"])
def test_without_a_login_there_is_nothing(running, path: str) -> None:
    assert running.ask("GET", path, user=None)[0] == 403


def test_a_page_leads_to_the_hub_for_a_login(running) -> None:
    status, headers, _ = running.ask("GET", "lab", user=None)

    assert status == 302
    assert "/hub/api/oauth2/authorize" in headers["Location"]


def test_the_servers_own_token_opens_nothing(running) -> None:
    """It stands for the server at the hub; no client has it."""
    assert running.ask("GET", "api/contents", user="server-token")[0] == 403


@pytest.mark.parametrize("resource", ["nbconvert", "terminals", "server", "lsp", "whatever comes"])
@pytest.mark.parametrize("action", ["read", "write", "execute"])
def test_what_is_not_on_the_list_is_denied(resource: str, action: str) -> None:
    assert (resource, action) not in ALLOWED


def test_configuration_can_be_read_and_not_written(running) -> None:
    assert running.ask("GET", "api/config/notebook")[0] == 200
    assert running.ask("PATCH", "api/config/notebook", {"a": 1})[0] == 403
    assert running.writer.last("request.refused", "write config")
