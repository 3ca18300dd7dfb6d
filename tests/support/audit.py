"""Hear of what this process opens.

An audit hook can never be taken away again, and Python calls it for each file that any later test
opens: so all tests share one, which is there from the first of them on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

Listener = Callable[[str, tuple[object, ...]], None]

_listener: Listener | None = None


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call a function with each event of Python's and its arguments (sys.addaudithook)."""
    global _listener
    _install()
    _listener = listener
    try:
        yield
    finally:
        _listener = None


@cache
def _install() -> None:
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _listener is not None:
        _listener(event, arguments)
