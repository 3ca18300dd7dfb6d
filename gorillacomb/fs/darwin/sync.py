"""Have what was written reach the disk itself on macOS, where fsync(2) reaches its cache only."""

from __future__ import annotations

import errno
import fcntl
import os

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.drive_errors import UNSUPPORTED

_REFUSED = UNSUPPORTED | {errno.EINVAL, errno.ENOTTY}


def full_sync(descriptor: int) -> None:
    """Flush an open file or folder to the disk, past the disk's own cache, where it can be.

    The manual page of fsync(2) names F_FULLFSYNC for this; servers and some drives refuse it.
    Raises OSError.
    """
    try:
        fcntl.fcntl(descriptor, figures.F_FULLFSYNC)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        os.fsync(descriptor)
