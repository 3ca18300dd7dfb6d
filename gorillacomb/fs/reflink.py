"""Share the blocks of two files with equal content, where the file system can."""

from __future__ import annotations

import errno
import os
import struct
import sys

from gorillacomb.fs.extents import FileBlocks, file_blocks
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import open_file

_FIDEDUPERANGE = 0xC0189436  # _IOWR(0x94, 54, 24 bytes), include/uapi/linux/fs.h
_RANGE = 16 << 20
"""Bytes that file systems are sure to compare and share in one call (ioctl_fideduperange(2))."""
_RANGE_DIFFERS = 1
_PROBE = 4096
"""Bytes."""
CANNOT_SHARE = frozenset({errno.ENOTTY, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a kernel answers on behalf of a file system on which no blocks can be shared."""
NO_SHARING = "is on a file system that cannot share blocks"


def share_blocks(victim: FileLocation, keep: FileLocation, size: int) -> FileBlocks:
    """Have the kernel share the blocks of two files, which it compares itself.

    Returns where the file lay: what was its alone is free by it.
    Raises OSError: ENOTSUP where the file system has no such thing.
    """
    shared = 0
    with keep.opened() as (other, kept), victim.opened() as (folder, name):
        source = open_file(kept, other)
        try:
            target = _open_to_share(folder, name)
            try:
                before = file_blocks(target)
                while shared < size:
                    done, differs = _dedupe(source, target, shared, min(_RANGE, size - shared))
                    if differs:
                        raise OSError(errno.EBUSY, "changed while it was compared")
                    if not done:
                        raise OSError(errno.EIO, "the kernel shared nothing")
                    shared += done
            finally:
                os.close(target)
        finally:
            os.close(source)
    return before


def refuse_to_share(victim: int, keep: int) -> None:
    """Find out whether two open files could share blocks; changes nothing.

    Raises OSError as `share_blocks` would.
    """
    _dedupe(keep, victim, 0, 0)  # nothing of them: the kernel checks who may, and stops there
    try:
        # A range can never be shared with itself. An XFS without reflinks does not come that far.
        _dedupe(victim, victim, 0, _PROBE)
    except OSError as error:
        if error.errno in CANNOT_SHARE:
            raise


def _dedupe(source: int, target: int, at: int, length: int) -> tuple[int, bool]:
    """Have so many bytes of an open file be shared with another one that has the same.

    Returns how many were, and whether they differ. Raises OSError.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "blocks are shared on Linux only")
    import fcntl

    ask = bytearray(
        struct.pack("=QQHHI", at, length, 1, 0, 0) + struct.pack("=qQQiI", target, at, 0, 0, 0)
    )
    fcntl.ioctl(source, _FIDEDUPERANGE, ask)
    done, status = struct.unpack_from("=Qi", ask, 24 + 16)
    if status < 0:
        raise OSError(-status, os.strerror(-status))
    return done, status == _RANGE_DIFFERS


def _open_to_share(folder: int, name: bytes) -> int:
    """Open for writing where that is allowed: kernels want it of whoever does not own the file."""
    try:
        return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return open_file(name, folder)
