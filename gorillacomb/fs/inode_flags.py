"""Read the flags of files that forbid every change (chattr(1), chflags(1))."""

from __future__ import annotations

import os
import stat
import struct
import sys

_FS_IOC_GETFLAGS = 0x80086601  # _IOR('f', 1, long), include/uapi/linux/fs.h
_IMMUTABLE, _APPEND = 0x10, 0x20


def is_locked(descriptor: int) -> bool:
    """Return whether an open file or folder is immutable or append-only, so cannot be moved."""
    if sys.platform != "linux":
        flags: int = getattr(os.fstat(descriptor), "st_flags", 0)
        forbidding: int = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND
        return bool(flags & forbidding)
    import fcntl

    answer = bytearray(8)
    try:
        fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, answer)
    except OSError:
        return False  # a file system without such flags
    return bool(struct.unpack_from("=I", answer)[0] & (_IMMUTABLE | _APPEND))
