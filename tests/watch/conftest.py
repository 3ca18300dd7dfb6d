"""Watchers end with their tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.watch.daemon import Daemon


@pytest.fixture(autouse=True)
def no_watcher_stays() -> Iterator[None]:
    yield
    for each in Daemon.running:
        each.end()
    Daemon.running.clear()
