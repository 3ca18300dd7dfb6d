"""Code that applies to macOS only."""

from __future__ import annotations

import os
import stat
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


_F_GETPATH = 50  # <sys/fcntl.h>
_PATH_MAX = 1024  # <sys/syslimits.h>


def true_path(path: bytes) -> bytes | None:
    """Ask macOS for the path of an existing file, each name spelled as it was created.

    None on other systems, for what cannot be opened, and for a file with several hard links, for
    which the system may return any of them.
    """
    if sys.platform != "darwin":
        return None
    import fcntl

    try:
        descriptor = os.open(path, os.O_EVTONLY | os.O_SYMLINK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        facts = os.fstat(descriptor)
        if facts.st_nlink > 1 and not stat.S_ISDIR(facts.st_mode):
            return None
        found: bytes = fcntl.fcntl(descriptor, _F_GETPATH, bytes(_PATH_MAX))
        return found.partition(b"\0")[0]
    except OSError:
        return None
    finally:
        os.close(descriptor)
