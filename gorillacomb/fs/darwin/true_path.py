"""Ask macOS how it spells the path of a file."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import Any

from gorillacomb.fs.darwin.figures import F_GETPATH, MAXPATHLEN

_system: Any = os
"""Typed so because its constants for macOS are unknown to the type checker elsewhere."""


def true_path(path: bytes) -> bytes | None:
    """Return the path of an existing file, each name spelled as it was created.

    None for what cannot be opened, and for a file with several hard links, for
    which the system may return any of them.
    """
    try:
        descriptor = os.open(path, _system.O_EVTONLY | _system.O_SYMLINK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        facts = os.fstat(descriptor)
        if facts.st_nlink > 1 and not stat.S_ISDIR(facts.st_mode):
            return None
        found: bytes = fcntl.fcntl(descriptor, F_GETPATH, bytes(MAXPATHLEN))
        return found.partition(b"\0")[0]
    except OSError:
        return None
    finally:
        os.close(descriptor)
