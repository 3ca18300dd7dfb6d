"""Say what to do about folders that macOS keeps programs or users from."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable

_FULL_DISK_ACCESS = (
    "macOS protects some folders: allow Full Disk Access for your terminal, in System Settings,"
    " Privacy & Security, and start it again."
)
_OF_OTHERS = (
    "Permissions keep you from some of this, as from the homes of other users: ask for access, or"
    " leave it out."
)


def privacy_advice(error: OSError) -> str | None:
    """Return what to do if macOS keeps programs from a folder whatever its mode; None elsewhere."""
    is_closed = sys.platform == "darwin" and error.errno == errno.EPERM
    return _FULL_DISK_ACCESS if is_closed else None


def privacy_advice_for(causes: Iterable[str]) -> str | None:
    """Return what to do about closed folders on macOS, once for all of them; None elsewhere.

    ``causes`` are the errors in the wording of `os_error_text`.
    """
    if sys.platform != "darwin":
        return None
    met = frozenset(causes)
    advice = [
        text
        for number, text in ((errno.EPERM, _FULL_DISK_ACCESS), (errno.EACCES, _OF_OTHERS))
        if os.strerror(number).lower() in met
    ]
    return " ".join(advice) or None
