"""A real browser (Chromium, driven by Playwright), and what every page is held against in it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from gorillacomb.api.server.state import own_host_name
from gorillacomb.vault.vault import Vault
from tests.support.server import Server

_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first has no windows, and takes a third of the time."""
WIDE, NARROW = 1280, 390
"""The widths, in pixels, that every page is looked at in: a desk and a phone."""
_AUDIT = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
_SERIOUS = ("serious", "critical")
SHOTS = "GORILLACOMB_TEST_SCREENSHOTS"
"""The folder that screenshots are written to, if it is set."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser; skips where there is none."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("MISSING: chromium, to look at pages: apt install chromium-headless-shell")
    # As root it runs without its sandbox only, and not with the small /dev/shm of containers.
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as made:
        browser = made.chromium.launch(
            executable_path=program, args=[*words, "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Somebody with a browser who has logged in to a server."""

    server: Server
    context: BrowserContext
    page: Page
    said: list[str] = field(default_factory=list)
    """What the browser complained of: errors of scripts, and what the policy forbade."""

    def open(self, path: str) -> Page:
        """Show a page of the server, with its answer if it waits for one."""
        self.page.goto(f"{self.server.origin}{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the page no longer waits for a job."""
        expect(self.page.locator("#follow")).to_have_count(0, timeout=120_000)
        self.page.wait_for_load_state()

    def press(self, key: str) -> None:
        """Press a key once the scripts of the page listen to it."""
        self.page.wait_for_load_state()
        self.page.keyboard.press(key)

    def check(self, path: str) -> None:
        """Hold a page against all that every page is held against, in both widths and themes."""
        self.check_shown(path, lambda: self.open(path))

    def check_shown(self, name: str, show: Callable[[], object] = lambda: None) -> None:
        """As `check`, for the page that is there; ``show`` shows it anew in each width."""
        for width in (WIDE, NARROW):
            self.page.set_viewport_size({"width": width, "height": 900})
            show()
            self.page.evaluate(Axe().axe_script)
            for theme in ("light", "dark"):
                self.page.emulate_media(color_scheme=theme)
                self._check(f"{name} ({theme}, {width} px)")
                self._shoot(name, theme, width)

    def _check(self, where: str) -> None:
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{where} is {wide} px wider than the screen"
        assert self.page.locator("h1").count() == 1, f"{where} needs one headline"
        found = self.page.evaluate(_AUDIT)
        bad = [
            (each["id"], node["html"][:200])
            for each in found
            if each["impact"] in _SERIOUS
            for node in each["nodes"][:3]
        ]
        assert not bad, (where, bad)
        assert not self.said, (where, self.said)

    def _shoot(self, path: str, theme: str, width: int) -> None:
        if SHOTS in os.environ:
            short = re.sub(r"[0-9a-f]{32,64}", lambda digest: digest[0][:6], path)
            name = re.sub(r"[^A-Za-z0-9]+", "-", short)[:60].strip("-") or "overview"
            file = Path(os.environ[SHOTS]) / f"{name}-{theme}-{width}.png"
            self.page.screenshot(path=file, full_page=True)


@contextmanager
def visiting(browser: Browser, server: Server, *, scripts: bool = True) -> Iterator[Visitor]:
    """Log in to a server, by its one-time address, with or without scripts."""
    context = browser.new_context(java_script_enabled=scripts, reduced_motion="reduce")
    server.name = own_host_name(Vault(server.vault))
    page = context.new_page()
    visitor = Visitor(server, context, page)

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visitor.said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: visitor.said.append(str(error)))
    token = server.token()
    page.goto(f"{server.origin}/login{f'#{token}' if scripts else ''}")
    if not scripts:
        page.get_by_label("Address or token").fill(token)
        page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{server.origin}/")
    visitor.settle()
    try:
        yield visitor
    finally:
        context.close()
