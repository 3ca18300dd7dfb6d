"""Refuse on macOS what could lose files there, where nothing was ever run."""

from __future__ import annotations

import sys
from collections.abc import Callable

from gorillacomb.errors import RefusedForSafety


def refuse_untested(
    what: str, allowed: bool, is_examined: Callable[[], bool] = lambda: False
) -> None:
    """Raise RefusedForSafety on macOS, where nothing was ever run, unless the user allows it.

    ``what`` is the operation, worded as the subject of a sentence; ``is_examined`` says whether the
    volumes that it is about were measured, and are fit for it.
    """
    if sys.platform == "darwin" and not allowed and not is_examined():
        raise RefusedForSafety(
            f"{what} was never tried on macOS, where volumes, extended attributes and names work"
            " differently: files could be lost.",
            "If you have a backup, measure each drive first, and again after each update of macOS:"
            " gorillacomb doctor PATH. To do without that: --untested-macos",
        )
