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
"""Errors from the kernel for a file system that cannot share blocks."""
NO_SHARING = "is on a file system that cannot share blocks"


def share_blocks(victim: FileLocation, keep: FileLocation, size: int) -> FileBlocks:
    """Have the kernel compare two files and share their blocks.

    Return where the file's blocks were: those that it did not share before are now free. Raises
    OSError: ENOTSUP if the file system does not support it.
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
    """Check that two open files could share blocks, without changing anything.

    Raises OSError as `share_blocks` would.
    """
    _dedupe(keep, victim, 0, 0)  # zero bytes: the kernel checks permissions, and stops there
    try:
        # A range can never be shared with itself. An XFS without reflinks fails earlier.
        _dedupe(victim, victim, 0, _PROBE)
    except OSError as error:
        if error.errno in CANNOT_SHARE:
            raise


def _dedupe(source: int, target: int, at: int, length: int) -> tuple[int, bool]:
    """Share a range of an open file with another one that has the same content there.

    Return how many bytes were shared, and whether they differ. Raises OSError.
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
    """Open for writing if allowed: kernels require it of anyone who does not own the file."""
    try:
        return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return open_file(name, folder)
