"""The logger of the package: what has no result to be reported in, for programs that listen."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

NAME = "gorillacomb"


def log_info(text: str, *values: object) -> None:
    """Log what was done. ``text`` is a format as `logging` takes it."""
    if _may_be_heard():
        _logger().info(text, *values)


def log_warning(text: str, *values: object) -> None:
    """Log what went wrong and was coped with. ``text`` is a format as `logging` takes it."""
    if _may_be_heard():
        _logger().warning(text, *values)


def _may_be_heard() -> bool:
    """Return whether anybody can listen: `logging` is slow to import, and commands do without."""
    return "logging" in sys.modules


@functools.cache
def _logger() -> logging.Logger:
    import logging

    logger = logging.getLogger(NAME)
    logger.addHandler(logging.NullHandler())  # else what nobody listens to would go to stderr
    return logger
