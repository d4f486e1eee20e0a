"""A person at a real browser, and somebody else's provider (oidc-provider-mock, made with Authlib)."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest
import requests
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect, sync_playwright

from tests.hub.installation import at_work, eventually
from tests.hub.oidc.conftest import made_with, member

pytestmark = pytest.mark.slow

SECTION = """
[oidc]
issuer = "http://localhost:{port}"
client_id = "any"
name = {{ da = "regionens login", en = "the region's log-in" }}
amr = ["otp"]
recheck_minutes = 0.01
"""


def test_log_in_work_and_log_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with run_server_in_thread() as server, sync_playwright() as playwright:
        issuer = f"http://localhost:{server.server_port}"
        made = made_with(SECTION.format(port=server.server_port))
        member(made, "birgit")
        claims = {"preferred_username": "birgit", "amr": ["pwd", "otp"], "auth_time": int(time.time())}
        requests.put(f"{issuer}/users/s-birgit", json=claims, timeout=10).raise_for_status()
        with at_work(made):
            chromium = shutil.which("chromium") or "/usr/bin/chromium"
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.goto(made.url)
            page.click("#provider")
            page.fill("input[name=sub]", "s-birgit")
            page.click("text=Authorize >> nth=-1")
            expect(page.locator("#project-of-birgit")).to_be_visible(timeout=60_000)
            expect(page.locator("#logout")).to_contain_text("birgit")

            page.goto(f"{made.url}hub/home")  # the provider is asked again, and gives a new token
            expect(page.locator("#project-of-birgit")).to_be_visible()
            folder = Path(made.site.hub)
            assert "s-birgit" in (folder / "identities.json").read_text()

            page.click("#logout")
            page.click("text=End session >> nth=-1")
            expect(page).to_have_url(re.compile("/hub/login$"))
            page.goto(f"{made.url}hub/home")
            expect(page.locator("#provider")).to_be_visible()

            page.click("#provider")
            page.click("text=Deny")
            expect(page.locator("[role=alert]")).to_contain_text("gennemførte ikke dit log-in")
            assert (
                eventually(lambda: made.records(action="login.refused"))[-1]["detail"]["reason"] == "declined"
            )
            browser.close()
