"""Somebody at a browser: clicks, types, reads, and remembers what pages asked for and complained about."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.hub.installation import Platform
from tests.hub.oidc.provider import CODE, Provider

AFTER_A_FAILURE = 3000
"""Milliseconds until somebody has found the right password: at once, the hub would ask for patience."""
WAIT = 60_000
"""Milliseconds that a page may take when others use the machine too."""

expect.set_options(timeout=WAIT)


OUTSIDE = "outside.example"


class Outside:
    """Listens in place of the host `OUTSIDE`, and counts who calls."""

    def __init__(self) -> None:
        self.callers = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.callers += 1
            caller.close()

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()


class Passwords:
    """The log-in where people have passwords: a form on the hub's own page."""

    def enter(self, visit: Visit) -> None:
        """Log in."""
        self._send(visit, visit.town.passwords[visit.user])

    def be_refused(self, visit: Visit) -> None:
        """Try with a wrong password, and read why that doesn't do."""
        self._send(visit, "wrong password")
        visit.reads("Forkert brugernavn eller adgangskode", "Wrong user name or password")
        visit.picture("log-in-refused")
        visit.page.wait_for_timeout(AFTER_A_FAILURE)

    def hosts(self) -> set[str]:
        """Hosts besides the site's that a log-in leads to."""
        return set()

    def _send(self, visit: Visit, password: str) -> None:
        visit.page.fill("#username_input", visit.user)
        visit.page.fill("#password_input", password)
        visit.page.click("#login_submit")


@dataclass(frozen=True)
class AtTheProvider:
    """The log-in through an identity provider, with a second factor."""

    provider: Provider

    def enter(self, visit: Visit) -> None:
        """Log in."""
        self._send(visit, CODE)

    def be_refused(self, visit: Visit) -> None:
        """Try without the second factor, and read why that doesn't do."""
        self._send(visit, "")
        visit.reads("Dit log-in var ikke stærkt nok", "Your log-in was not strong enough")
        visit.picture("log-in-refused")
        visit.go("")

    def hosts(self) -> set[str]:
        """Hosts besides the site's that a log-in leads to."""
        return {urlsplit(self.provider.issuer).netloc}

    def _send(self, visit: Visit, code: str) -> None:
        self.provider.shows_a_page = True
        visit.page.click("#provider")
        visit.page.fill("[name=name]", visit.user)
        visit.page.fill("[name=code]", code)
        visit.picture("provider")
        self.provider.shows_a_page = False
        visit.page.click("button")


class Visit:
    """One user at one browser.

    Args:
        town: the installation.
        door: how people log in there.
        browser: whose private window this visit gets.
        user: who logs in.
        pictures: where to put screenshots, for people to look at.
        phone: on a small screen.

    Attributes:
        page: what is open.
        downloads: names of files that the browser was given.
    """

    def __init__(
        self,
        town: Platform,
        door: Passwords | AtTheProvider,
        browser: Browser,
        user: str,
        pictures: Path | None,
        *,
        phone: bool = False,
    ) -> None:
        self.town, self.door, self.user = town, door, user
        self._pictures, self._phone = pictures, phone
        size = {"width": 390, "height": 844} if phone else {"width": 1400, "height": 900}
        self._context = browser.new_context(
            accept_downloads=True,
            viewport=size,  # type: ignore[arg-type]
            has_touch=phone,
            ignore_https_errors=True,  # the browser doesn't know who signed a test's certificate
        )
        self._context.set_default_timeout(WAIT)
        self.page: Page = self._context.new_page()
        self.downloads: list[str] = []
        self._asked: set[str] = set()
        self._complaints: list[str] = []
        self.page.on("request", lambda one: self._asked.add(one.url))
        self.page.on("websocket", lambda one: self._asked.add(one.url))
        self.page.on("download", lambda one: self.downloads.append(one.suggested_filename))
        self.page.on("pageerror", lambda error: self._complaints.append(f"uncaught: {error}"))
        self.page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complaints.append(f"{message.text} ({message.location.get('url', '')})")

    # The hub's pages.

    def go(self, path: str) -> int:
        """Open an address below the site's root; its HTTP status."""
        answer = self.page.goto(self.town.url + path.lstrip("/"))
        assert answer is not None
        return answer.status

    def log_in(self) -> None:
        """Log in, from the log-in page."""
        self._come_to_the_door()
        self.door.enter(self)

    def is_refused(self) -> None:
        """Try to log in as one can't."""
        self._come_to_the_door()
        self.door.be_refused(self)

    def _come_to_the_door(self) -> None:
        if "/hub/login" not in self.page.url:
            self.go("")

    def log_out(self) -> None:
        """Leave by the menu."""
        self.go("hub/home")
        self.page.click("#logout")

    def speak(self, language: str) -> None:
        """Press the button of a language."""
        self.page.click(f'[data-show="{language}"]')

    def reads(self, da: str, en: str, within: str = "main") -> None:
        """The page says the one in Danish and the other in English; it is left in English."""
        for language, text, other in (("da", da, en), ("en", en, da)):
            self.speak(language)
            expect(self.page.locator("html")).to_have_attribute("lang", language)
            seen = self.page.locator(within)
            expect(seen).to_contain_text(text, use_inner_text=True)
            if da != en:
                assert not re.search(rf"\b{re.escape(other)}\b", seen.inner_text()), (
                    f"{other!r} beside {text!r}"
                )

    def picture(self, name: str) -> None:
        """Keep what is to be seen, where somebody wants to look at it."""
        if self._pictures is not None:
            self._pictures.mkdir(parents=True, exist_ok=True)
            size = "phone" if self._phone else "wide"
            self.page.screenshot(path=self._pictures / f"{self.user}-{name}-{size}.png")

    # JupyterLab.

    def start(self, project: str) -> None:
        """Press a project's start button, or open what is up already, and wait for JupyterLab."""
        self.page.locator(f"#project-{project}").locator(".start, .open").click()
        self.page.wait_for_selector("#jp-main-dock-panel, .jp-LabShell")

    def open(self, project: str, path: str) -> Locator:
        """Open a notebook by its address; it is ready when its kernel is."""
        self.page.goto(f"{self.town.host(self.user)}user/{self.user}/{project}/lab/tree/{path}")
        return self.ready()

    def new(self, kernel: str) -> Locator:
        """Press a kernel's card in the launcher, for a new notebook."""
        self.page.locator(f'.jp-LauncherCard[data-category="Notebook"][title^="{kernel}"]').first.click()
        return self.ready()

    def beside(self, kernel: str) -> Locator:
        """A new notebook in a tab of its own."""
        self.page.keyboard.press("Control+Shift+L")
        return self.new(kernel)

    def ready(self) -> Locator:
        """The notebook in front, once its kernel is idle."""
        book = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(book.locator(".sb-banner")).to_contain_text("DATA")
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
        return book

    def run(self, code: str) -> Locator:
        """Type into the last cell of the notebook in front, and run it; the cell."""
        book = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        last = book.locator(".jp-CodeCell").last
        last.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        count = book.locator(".jp-CodeCell").count()
        self.page.keyboard.press("Shift+Enter")
        return book.locator(".jp-CodeCell").nth(count - 1)

    def menu(self, name: str, entry: str) -> None:
        """Choose an entry of a menu."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{name}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()

    def offers(self, name: str) -> list[str]:
        """What a menu has."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{name}$")).click()
        self.page.wait_for_selector(".lm-Menu-itemLabel")
        labels: list[str] = self.page.locator(".lm-Menu-itemLabel").all_inner_texts()
        self.page.keyboard.press("Escape")
        return labels

    def read_on(self, selector: str) -> Locator:
        """Turn the wheel until something of the notebook comes into view: only then is it drawn."""
        book = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        wanted = book.locator(selector).first
        book.locator(".jp-WindowedPanel-outer").hover()
        for _ in range(WAIT // 500):
            if wanted.is_visible():
                wanted.scroll_into_view_if_needed()
                return wanted
            self.page.mouse.wheel(0, 300)
            self.page.wait_for_timeout(500)
        raise AssertionError(f"no {selector} came into view")

    def asks(self, project: str, path: str) -> tuple[int, str]:
        """Have the open page fetch an address of the project's server, as a script in it would.

        Returns:
            The HTTP status and the text.
        """
        return tuple(
            self.page.evaluate(
                """async address => {
                    const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
                    const answer = await fetch(address, {headers: {"X-XSRFToken": token ? token[1] : ""}});
                    return [answer.status, await answer.text()];
                }""",
                f"/user/{self.user}/{project}/{path}",
            )
        )

    def speak_in_lab(self, language: str) -> None:
        """Choose the language that the hub's pages, and Sundbench's words in JupyterLab, are shown in."""
        lab = self.page.url
        self.go("hub/home")
        self.speak(language)
        self.page.goto(lab)

    @contextmanager
    def complaining(self) -> Iterator[None]:
        """What is tried and refused in here stands in the console, and doesn't count against the walk."""
        complaints, asked = list(self._complaints), set(self._asked)
        yield
        self.page.wait_for_timeout(200)
        self._complaints, self._asked = complaints, asked

    def had_a_quiet_walk(self) -> None:
        """Fail where the console showed errors or an address outside the site was asked for."""
        assert not self._complaints, "\n".join(self._complaints)
        there = {
            urlsplit(url).netloc for url in self._asked if not url.startswith(("data:", "blob:", "about:"))
        }
        own = {urlsplit(root).netloc for root in (self.town.url, self.town.host(self.user))}
        assert there <= own | self.door.hosts()
        assert not self.downloads

    def close(self) -> None:
        """Shut the window, after a last look at it."""
        self.picture("last")
        self._context.close()
