"""A policymaker's way in Chromium: log-in, list, dashboard, the other language, back; nothing else asked."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hub.dashboards.conftest import REPORT
from tests.hub.installation import Platform

CHROMIUM = Path("/usr/bin/chromium")


def test_a_policymaker_reads_a_dashboard(dashboards: Platform, tmp_path: Path):
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not there: install Debian's chromium to see dashboards as a reader does"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    shots = Path(os.environ.get("SUNDBENCH_SCREENSHOTS", tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))

        page.goto(dashboards.url)
        page.fill("input[name=username]", "palle")
        page.fill("input[name=password]", dashboards.passwords["palle"])
        page.click("[type=submit]")
        page.click("text=Åbn dashboards")
        page.wait_for_url("**/services/dashboards/")
        page.screenshot(path=shots / "dashboards.png")
        # The language is the reader's, on the list as on the dashboard, until another is chosen on either.
        page.click("[data-show=en]")
        page.click("h2 a:has-text('What does a life-year gained cost?')")
        page.wait_for_selector("figure svg:visible")
        assert page.title() == "What does a life-year gained cost?"
        assert "DKK 485,000" in page.inner_text("main").replace("\u00a0", " ")
        page.screenshot(path=shots / "dashboard.png")

        page.click("[data-show=da]")
        assert page.title() == "Hvad koster et vundet leveår?"
        page.click("a:has-text('Alle dashboards')")
        page.wait_for_url("**/services/dashboards/")
        page.wait_for_selector("h2 :text('Hvad koster et vundet leveår?')")

        page.goto(f"{dashboards.url}services/dashboards/broken_report")
        page.wait_for_selector("[role=alert]")
        page.screenshot(path=shots / "broken.png")
        browser.close()

    own = urlsplit(dashboards.url).netloc
    assert {urlsplit(address).netloc for address in asked} == {own}
    assert [text for text in said if "Content Security Policy" in text] == []
    assert f"{dashboards.url}services/dashboards/{REPORT}" in asked
