"""One browser for each module, and one that is logged in for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Visitor, chromium, visiting
from tests.support.server import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as made:
        yield made


@pytest.fixture
def visitor(browser: Browser, running: Server) -> Iterator[Visitor]:
    """Somebody who has logged in to the module's server."""
    with visiting(browser, running) as made:
        yield made


@pytest.fixture
def plain(browser: Browser, running: Server) -> Iterator[Visitor]:
    """The same without scripts."""
    with visiting(browser, running, scripts=False) as made:
        yield made
