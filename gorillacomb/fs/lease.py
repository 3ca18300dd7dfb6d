"""Detect whether a program has a file open for writing, which Linux leases reveal."""

from __future__ import annotations

import os
import signal
import sys

from gorillacomb.fs.mounts import mounts
from gorillacomb.fs.volumes import is_remote
from gorillacomb.model import SECOND

IN_USE = "is in use: open in a program that may write to it"
SURELY_CLOSED_NS = 24 * 3600 * SECOND
"""After so long nobody is assumed to have a quarantined file open, where that is unknown."""


def is_open_for_writing(descriptor: int) -> bool | None:
    """Return whether a program has an open file open for writing, or mapped; None if unknown.

    ``descriptor`` is open for reading only. Linux grants a read lease only on a file that nobody
    has open for writing (fcntl(2), F_SETLEASE); it is released at once. A program that opens the
    file in between waits for that, and we are signalled: the default, SIGIO, would end the process,
    so we ask for a signal that is ignored unless handled. Unknown for files of other owners, file
    systems without leases, and those that another machine may write to.
    """
    if sys.platform != "linux" or _is_on_remote(descriptor):
        return None
    import fcntl

    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _is_on_remote(descriptor: int) -> bool:
    device = os.fstat(descriptor).st_dev
    if os.major(device):
        return False  # a block device of this machine
    name = f"{os.major(device)}:{os.minor(device)}"
    return any(mount.device == name and is_remote(mount.type) for mount in mounts())
