"""Ask macOS which start of the machine this is."""

from __future__ import annotations

import sys
from functools import cache

from gorillacomb import clock
from gorillacomb.fs.darwin.library import call, new_buffer

_NAME = b"kern.bootsessionuuid"
"""A text of 36 characters, new at each start (bsd/kern/kern_sysctl.c of XNU)."""
_ROOM = 64


@cache
def boot_id() -> str:
    """Return an id that changes with each start of the machine, on any system; empty if unknown."""
    return _boot_session() if sys.platform == "darwin" else clock.boot_id()


def _boot_session() -> str:
    import ctypes

    buffer, size = new_buffer(_ROOM), ctypes.c_size_t(_ROOM)
    try:
        call("sysctlbyname", _NAME, buffer, ctypes.byref(size), None, 0)
    except OSError:
        return ""
    found: bytes = buffer.raw[: size.value]
    return found.partition(b"\0")[0].decode("ascii", "replace")
