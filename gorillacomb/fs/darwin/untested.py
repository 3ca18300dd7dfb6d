"""Refuse on macOS what could lose files there, where nothing was ever run."""

from __future__ import annotations

import sys

from gorillacomb.errors import RefusedForSafety


def refuse_untested(what: str, allowed: bool) -> None:
    """Raise RefusedForSafety on macOS, where nothing was ever run, unless the user allows it.

    ``what`` is the operation, worded as the subject of a sentence.
    """
    if sys.platform == "darwin" and not allowed:
        raise RefusedForSafety(
            f"{what} was never tried on macOS, where volumes, extended attributes and names work"
            " differently: files could be lost.",
            "If you have a backup and want to try it: --untested-macos",
        )
