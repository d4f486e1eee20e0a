"""JupyterLab tells register data from synthetic, in a real browser, in Danish and English."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .conftest import PREFIX, Running

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
PICTURES = os.environ.get("SUNDBENCH_PICTURES")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


def look(browser: Browser, running: Running, kernel: str, language: str) -> Page:
    """A notebook of a kernel, opened by somebody who reads the hub's pages in a language."""
    name = f"{kernel}-{language}.ipynb"
    cell = {"id": "a", "cell_type": "code", "source": "6 * 7", "metadata": {}, "execution_count": None}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "cells": [{**cell, "outputs": []}],
    }
    running.json("PUT", f"api/contents/{name}", {"type": "notebook", "content": content})
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(15_000)
    page.add_init_script(f"document.cookie = 'sundbench-language={language}; path=/'")
    page.goto(f"http://127.0.0.1:{running.port}{PREFIX}lab/tree/{name}?reset")
    page.wait_for_selector(f".sb-banner-{kernel.removesuffix('-data')}")
    return page


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest.fixture(scope="module")
def danish(browser: Browser, running: Running) -> Iterator[Page]:
    page = look(browser, running, "register-data", "da")
    yield page
    page.close()


@pytest.fixture(scope="module")
def english(browser: Browser, running: Running) -> Iterator[Page]:
    page = look(browser, running, "synthetic-data", "en")
    yield page
    page.close()


def test_register_data_says_so(danish: Page) -> None:
    banner = danish.locator(".sb-banner")
    assert banner.locator("strong").inner_text() == "REGISTERDATA"
    assert banner.locator(".sb-project").inner_text() == "lung-cancer"
    assert tag(danish) == '"REG"'
    picture(danish, "register")


def test_synthetic_data_says_so(english: Page) -> None:
    assert english.locator(".sb-banner strong").inner_text() == "SYNTHETIC DATA"
    assert tag(english) == '"SYN"'
    picture(english, "synthetic")


def tag(page: Page) -> str:
    """What stands before a cell's number."""
    prompt = page.locator(".jp-InputArea-prompt").first
    return str(prompt.evaluate("node => getComputedStyle(node, '::before').content"))


def test_the_two_differ_in_colour_and_can_be_read(danish: Page, english: Page) -> None:
    red, blue = (
        str(page.locator(".sb-banner").evaluate("node => getComputedStyle(node).backgroundColor"))
        for page in (danish, english)
    )
    assert red != blue
    assert min(contrast_with_white(red), contrast_with_white(blue)) > 4.5


def contrast_with_white(colour: str) -> float:
    """Contrast by WCAG 2.2."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_every_kernel_says_which_data_it_has(repository: Path) -> None:
    """One that didn't would be shown as register data."""
    said = {
        file.parent.name: json.loads(file.read_text())["metadata"]["sundbench"]["data"]
        for file in (repository / "kernels").glob("*/kernel.json")
    }
    assert said == {"register-data": "register", "r-register-data": "register", "synthetic-data": "synthetic"}


def test_there_is_a_way_back_to_the_projects(danish: Page) -> None:
    link = danish.locator(".sb-back")
    assert link.inner_text() == "Mine projekter"
    assert str(link.get_attribute("href")).endswith("/hub/home")


def test_packages_are_listed_and_asked_for(danish: Page, running: Running) -> None:
    danish.get_by_role("menuitem", name="Sundbench").click()
    danish.get_by_text("Pakker…").click()
    danish.get_by_placeholder("Find en pakke").fill("polars")
    assert "polars" in danish.locator(".sb-page tbody").inner_text()
    picture(danish, "packages")
    danish.locator(".sb-form input[name=name]").fill("lifelines")
    danish.locator(".sb-form input[name=why]").fill("Cox-regression")
    danish.locator(".sb-form button").click()
    asked = running.writer.last("package.request", "lifelines")
    assert asked["detail"] == {"language": "Python", "why": "Cox-regression"}


def test_a_dask_dashboard_opens_beside_the_notebook(english: Page) -> None:
    def chosen() -> None:
        english.locator(".jp-CodeCell .cm-content").last.click()
        english.get_by_role("menuitem", name="Sundbench").click()
        english.get_by_text("Dask dashboard").click()

    chosen()
    english.locator(".Toastify__toast", has_text="has no Dask cluster").wait_for()
    english.route(
        "**/sundbench/dask/*/status",
        lambda asked: asked.fulfill(body="<p>figures</p>", content_type="text/html"),
    )
    chosen()
    english.frame_locator("iframe[src*='/sundbench/dask/']").get_by_text("figures").wait_for()
    english.unroute("**/sundbench/dask/*/status")
    english.locator(".lm-TabBar-tab", has_text="Dask dashboard").locator(".lm-TabBar-tabCloseIcon").click()


def test_a_kernel_that_dies_says_why(english: Page) -> None:
    cell = english.locator(".jp-CodeCell .cm-content").last
    cell.click()
    english.keyboard.press("Control+A")
    english.keyboard.insert_text("import os; os._exit(9)")
    english.keyboard.press("Shift+Enter")
    toast = english.locator(".Toastify__toast", has_text="The kernel ended")
    toast.wait_for()
    assert "memory than the 4 GiB" in toast.inner_text()
    picture(english, "ended")
    english.locator(".jp-Dialog .jp-mod-accept").click()


def test_another_kernel_changes_the_banner(english: Page) -> None:
    english.locator(".jp-KernelName").click()
    english.locator(".jp-Dialog select").select_option(label="register-data in English")
    english.locator(".jp-Dialog .jp-mod-accept").click()
    english.wait_for_selector(".sb-banner-register")
    assert english.locator(".sb-banner-synthetic").count() == 0


def test_a_project_that_is_nearly_full_says_so(
    browser: Browser, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = running.app.web_app.settings["sundbench"]
    rules = settings.rules.model_copy(update={"quota": 20_000, "warn_at": 0.1})
    held = settings.model_copy(update={"rules": rules})
    monkeypatch.setitem(running.app.web_app.settings, "sundbench", held)
    page = look(browser, running, "synthetic-data", "da")
    page.locator(".sb-space", has_text="Projektets plads er").wait_for()
    picture(page, "space")
    page.close()
