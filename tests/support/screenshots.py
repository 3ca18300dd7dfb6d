"""Takes the pictures of the topic ``web``: real pages of the made-up messy drive.

``python -m tests.support.screenshots FOLDER`` writes them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from fixtures import build_drive
from tests.support.browser import Visitor, chromium, visiting
from tests.support.run import run
from tests.support.server import serving

_SIZE = ViewportSize(width=1280, height=800)


def take(folder: Path) -> None:
    """Write the pictures, as PNG."""
    with tempfile.TemporaryDirectory(prefix="home-") as name:
        home = Path(name)
        os.environ["HOME"] = str(home)
        drive = home / "Drive"
        build_drive(drive)
        run("scan", drive, vault=home / "vault")
        with (
            serving(home / "vault") as server,
            chromium() as browser,
            visiting(browser, server) as visitor,
        ):
            visitor.page.set_viewport_size(_SIZE)
            _take_all(visitor, folder)


def _take_all(visitor: Visitor, folder: Path) -> None:
    page = visitor.page

    def shoot(name: str) -> None:
        visitor.settle()
        page.screenshot(path=folder / f"{name}.png")

    visitor.open("/")
    shoot("overview")
    visitor.open("/families")
    page.get_by_role("link", name="HealthTrack").first.click()
    shoot("family")
    visitor.open("/")
    page.get_by_role("button", name="Look through what can go").click()
    page.wait_for_url("**/plans/*", timeout=120_000)
    page.get_by_role("link", name="Look through it").click()
    shoot("review")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
