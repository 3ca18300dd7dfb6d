"""Ask which system this is, and which start of the machine."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

_BOOT = b"kern.bootsessionuuid"
"""A text of 36 characters, new at each start (bsd/kern/kern_sysctl.c of XNU)."""
_BUILD = b"kern.osversion"
"""The build of macOS, such as ``24A335``, new with each update (the same file; sysctl(3))."""
_ROOM = 64
"""Bytes; neither of them is longer."""


@cache
def boot_id() -> str:
    """Return an id that changes with each start of the machine; empty if the system has none.

    proc(5): /proc/sys/kernel/random/boot_id.
    """
    if sys.platform == "darwin":
        return _ask_macos(_BOOT)
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def system_version() -> str:
    """Return what changes when the system is updated: its kernel, and the build of macOS."""
    kernel = os.uname()
    build = [_ask_macos(_BUILD)] if sys.platform == "darwin" else []
    return " ".join((kernel.sysname, kernel.release, *build))


def _ask_macos(name: bytes) -> str:
    import ctypes  # slow to load, and other systems do without

    from gorillacomb.fs.darwin.library import call, new_buffer

    buffer, size = new_buffer(_ROOM), ctypes.c_size_t(_ROOM)
    try:
        call("sysctlbyname", name, buffer, ctypes.byref(size), None, 0)
    except OSError:
        return ""
    found: bytes = buffer.raw[: size.value]
    return found.partition(b"\0")[0].decode("ascii", "replace")
